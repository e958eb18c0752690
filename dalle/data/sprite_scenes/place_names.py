"""How captions speak of the painted places.

A phrase follows a subject ("a cat at the beach"), and a night phrase may follow that ("a cat at the beach at
night"). A noun is a caption alone ("a beach"), or with a night phrase ("a beach at night"). None
says what not every picture of the place shows: a colour, a weather, a time of day.
"""

NIGHT_PHRASES = ("at night", "by night")

PLACE_PHRASES: dict[str, tuple[str, ...]] = {
    "sky": ("in the sky", "up in the sky", "in the air", "high in the sky", "against the sky"),
    "clouds": (
        "above the clouds",
        "in the clouds",
        "among the clouds",
        "over the clouds",
        "up in the clouds",
    ),
    "sunset": (
        "at sunset",
        "in front of a sunset",
        "in the sunset",
        "in the evening sun",
        "under a setting sun",
    ),
    "sea": ("at sea", "on the sea", "on the ocean", "on the water", "on the open sea", "on the waves"),
    "beach": ("at the beach", "on the beach", "on a beach", "on a tropical beach", "on a sandy beach"),
    "underwater": (
        "under water",
        "underwater",
        "under the sea",
        "at the bottom of the sea",
        "deep under water",
    ),
    "meadow": ("in a meadow", "on a meadow", "in a field of flowers", "on the grass", "in a grassy field"),
    "forest": ("in the forest", "in a forest", "in the woods", "among the trees", "between fir trees"),
    "mountains": (
        *("in the mountains", "in front of mountains", "among snowy mountains"),
        *("before a mountain range", "near the mountains"),
    ),
    "desert": ("in the desert", "in a desert", "among cactuses", "in the desert sand", "between sand dunes"),
    "snow": ("in the snow", "in a snowy landscape", "in falling snow", "in winter", "on a snowy hill"),
    "rain": ("in the rain", "in heavy rain", "in rainy weather", "in pouring rain", "under rain clouds"),
    "city": ("in the city", "in a city", "in front of a skyline", "among skyscrapers", "in a big city"),
    "street": ("on the street", "in the street", "on a street", "in front of houses", "by the roadside"),
    "room": ("in a room", "in the living room", "indoors", "at home", "in a house"),
    "stage": ("on a stage", "on stage", "in a theatre", "in the spotlight", "between stage curtains"),
    "space": ("in space", "in outer space", "in the universe", "among the stars", "among planets"),
}

PLACE_NOUNS: dict[str, tuple[str, ...]] = {
    "sky": ("the sky", "a sky with clouds"),
    "clouds": ("a sea of clouds", "above the clouds", "clouds from above"),
    "sunset": ("a sunset", "a sunset over the sea", "the setting sun", "an evening sky"),
    "sea": ("the sea", "the ocean", "waves on the sea", "the open sea"),
    "beach": ("a beach", "a sandy beach", "a beach with a palm tree", "a tropical beach"),
    "underwater": ("under the sea", "an underwater scene", "the bottom of the sea", "the sea floor"),
    "meadow": ("a meadow", "a meadow with flowers", "rolling hills", "a field of flowers"),
    "forest": ("a forest", "a fir forest", "the woods", "a forest of fir trees"),
    "mountains": ("mountains", "snowy mountains", "a mountain range", "a mountain landscape"),
    "desert": ("a desert", "the desert", "a desert with cactuses", "sand dunes"),
    "snow": ("a snowy landscape", "a winter landscape", "falling snow", "snow"),
    "rain": ("rain", "heavy rain", "rain and puddles", "rain clouds"),
    "city": ("a city", "a city skyline", "a skyline", "skyscrapers"),
    "street": ("a street", "a row of houses", "a street with houses", "a town street"),
    "room": ("a room", "a living room", "the inside of a house", "a room with a window"),
    "stage": ("a stage", "an empty stage", "a theatre stage", "a stage with curtains"),
    "space": ("outer space", "space", "planets and stars", "the universe"),
}

NIGHT_NOUNS: dict[str, tuple[str, ...]] = {  # further captions of places by night, complete
    "sky": ("the night sky", "a starry sky", "a starry night", "the moon and stars"),
    "clouds": ("a night sky above the clouds",),
    "meadow": ("a meadow under the stars",),
    "desert": ("a desert under the stars",),
    "city": ("a city with lit windows", "city lights"),
    "room": ("a room by lamplight",),
}
