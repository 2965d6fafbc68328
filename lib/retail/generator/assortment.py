"""What a home-improvement retailer sells: departments, their groups, brands, prices, seasons."""

from dataclasses import dataclass
from math import cos, pi

YEAR_DAYS = 366


@dataclass(frozen=True)
class Department:
    """A category. Peak is a day of the year, swing the rise at the peak in 1/1024."""

    name: str
    peak: int
    swing: int
    cents: tuple[int, int]  # cheapest and dearest product
    groups: dict[str, tuple[str, str, str]]  # subcategory -> things sold
    brands: tuple[str, str, str, str]


DEPARTMENTS = (
    Department("Lawn & Garden", 115, 680, (400, 39_900), {
        "Mowers & Trimmers": ("String Trimmer", "Push Mower", "Hedge Trimmer"),
        "Soil & Mulch": ("Garden Soil 2 cu ft", "Red Mulch 2 cu ft", "Potting Mix 16 qt"),
        "Fertilizer & Seed": ("Lawn Food 15 lb", "Grass Seed 7 lb", "Weed Preventer 12 lb"),
        "Watering": ("Garden Hose 50 ft", "Oscillating Sprinkler", "Hose Nozzle"),
        "Plants": ("Tomato Plant", "Boxwood Shrub 2 gal", "Hydrangea 1 gal"),
    }, ("GreenAcre", "TurfPro", "Verdant", "Rootwell")),
    Department("Heating & Cooling", 15, 620, (600, 49_900), {
        "Space Heaters": ("Ceramic Heater 1500 W", "Oil Radiator Heater", "Infrared Heater"),
        "Thermostats": ("Programmable Thermostat", "Smart Thermostat", "Line Thermostat"),
        "Air Filters": ("Pleated Filter 20x20", "Pleated Filter 16x25", "HEPA Filter"),
        "Weatherization": ("Door Weatherstrip", "Window Insulation Kit", "Draft Stopper"),
        "Fireplaces": ("Electric Fireplace", "Fireplace Screen", "Wood Pellets 40 lb"),
    }, ("Hearthline", "ThermaCore", "NorthWind", "AirWise")),
    Department("Paint", 160, 220, (300, 6_900), {
        "Interior Paint": ("Satin Paint 1 gal", "Eggshell Paint 1 gal", "Flat Paint 5 gal"),
        "Exterior Paint": ("Exterior Paint 1 gal", "Porch Paint 1 gal", "Masonry Paint 1 gal"),
        "Stains": ("Deck Stain 1 gal", "Wood Stain 1 qt", "Polyurethane 1 qt"),
        "Applicators": ("Roller Kit 9 in", "Angled Brush 2 in", "Paint Tray"),
        "Prep": ("Painter's Tape 1.4 in", "Drop Cloth 9x12", "Spackling 1 qt"),
    }, ("ColorField", "TrueCoat", "Brushworks", "Hueline")),
    Department("Lumber", 190, 260, (250, 8_900), {
        "Dimensional Lumber": ("Stud 2x4x8", "Board 2x6x10", "Board 2x8x12"),
        "Plywood": ("Plywood 1/2 in 4x8", "OSB 7/16 in 4x8", "Birch Plywood 3/4 in"),
        "Decking": ("Composite Deck Board 12 ft", "Cedar Deck Board 8 ft", "Baluster"),
        "Moulding": ("Baseboard 8 ft", "Crown Moulding 8 ft", "Quarter Round 8 ft"),
        "Fencing": ("Fence Picket 6 ft", "Fence Post 4x4x8", "Fence Panel 6x8"),
    }, ("TimberRidge", "Millstone", "Sawyer & Sons", "Oakhaven")),
    Department("Plumbing", 350, 60, (150, 34_900), {
        "Faucets": ("Kitchen Faucet", "Bath Faucet", "Shower Head"),
        "Toilets": ("Elongated Toilet", "Toilet Seat", "Fill Valve"),
        "Pipe & Fittings": ("PEX Pipe 1/2 in 50 ft", "Copper Elbow 1/2 in", "PVC Pipe 2 in 10 ft"),
        "Water Heaters": ("Water Heater Element", "Expansion Tank", "Tankless Filter"),
        "Drain Care": ("Drain Auger 25 ft", "Sink Strainer", "Sump Pump 1/3 hp"),
    }, ("ClearFlow", "Aquanor", "PipeRight", "Basin & Co")),
    Department("Electrical", 330, 60, (120, 18_900), {
        "Wire": ("Romex 14/2 50 ft", "Romex 12/2 100 ft", "Extension Cord 25 ft"),
        "Outlets & Switches": ("GFCI Outlet", "Dimmer Switch", "USB Outlet"),
        "Breakers": ("Breaker 20 A", "Breaker 15 A", "Load Center 100 A"),
        "Batteries": ("AA Batteries 24 pk", "9 V Batteries 4 pk", "C Batteries 8 pk"),
        "Smart Home": ("Smart Plug", "Video Doorbell", "Smoke Detector"),
    }, ("VoltEdge", "Sparkline", "CircuitPro", "Brightwire")),
    Department("Tools", 345, 200, (500, 44_900), {
        "Power Tools": ("Cordless Drill 20 V", "Circular Saw 7-1/4 in", "Impact Driver 20 V"),
        "Hand Tools": ("Claw Hammer 16 oz", "Tape Measure 25 ft", "Screwdriver Set"),
        "Storage": ("Tool Box 22 in", "Rolling Cabinet", "Tool Bag 16 in"),
        "Accessories": ("Drill Bit Set", "Saw Blade 10 in", "Battery Pack 4 Ah"),
        "Safety": ("Safety Glasses", "Work Gloves", "Respirator"),
    }, ("IronPeak", "TorqueMaster", "Granite", "Workhorse")),
    Department("Hardware", 170, 80, (100, 9_900), {
        "Fasteners": ("Deck Screws 1 lb", "Wood Screws 100 pk", "Finish Nails 1 lb"),
        "Door Hardware": ("Entry Lockset", "Deadbolt", "Door Hinge 3 pk"),
        "Cabinet Hardware": ("Cabinet Pull 10 pk", "Cabinet Knob 10 pk", "Soft-Close Hinge"),
        "Chains & Ropes": ("Nylon Rope 100 ft", "Chain 10 ft", "Bungee Cords 12 pk"),
        "Adhesives": ("Construction Adhesive", "Wood Glue 16 oz", "Duct Tape 60 yd"),
    }, ("Boltworks", "Latchford", "Steadfast", "Gripwell")),
    Department("Flooring", 60, 90, (200, 15_900), {
        "Vinyl Plank": ("Vinyl Plank Case", "Vinyl Tile Case", "Underlayment Roll"),
        "Tile": ("Ceramic Tile 12x12", "Subway Tile 3x6", "Porcelain Tile 12x24"),
        "Laminate": ("Laminate Oak Case", "Laminate Gray Case", "Transition Strip"),
        "Rugs": ("Area Rug 5x7", "Runner 2x8", "Door Mat"),
        "Grout & Mortar": ("Thinset 50 lb", "Sanded Grout 10 lb", "Grout Sealer"),
    }, ("Stonecrest", "PlankHaus", "Terrano", "Footing")),
    Department("Outdoor Living", 165, 600, (900, 59_900), {
        "Grills": ("Gas Grill 3-Burner", "Charcoal Grill 22 in", "Grill Cover"),
        "Patio Furniture": ("Patio Chair", "Bistro Set", "Patio Umbrella 9 ft"),
        "Pools": ("Pool Chlorine 5 lb", "Pool Pump", "Pool Test Kit"),
        "Outdoor Lighting": ("Solar Path Light 6 pk", "String Lights 48 ft", "Flood Light"),
        "Coolers": ("Cooler 48 qt", "Rolling Cooler 60 qt", "Drink Tub"),
    }, ("SunTerrace", "Emberly", "Lakeside", "Patio & Pine")),
)  # fmt: skip
GROUPS = 5
THINGS = 3
BRANDS = 4

# How far above (or below) the mean a year stands, in 1/1024, by days since the peak.
SWINGS = tuple(round(1024 * cos(2 * pi * day / YEAR_DAYS)) for day in range(YEAR_DAYS))
# Monday first, in 1/1024.
WEEKDAYS = (860, 840, 870, 920, 1060, 1360, 1258)
# Units on a line of a consumer: mostly one or two.
QUANTITIES = (1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 6)
