"""What schedulers are given: groups of tables, jobs for Databricks, a DAG for Airflow."""
