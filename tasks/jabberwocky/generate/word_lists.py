"""What the questions are about. No word stands in two lists, so that training and test questions share no option."""

from __future__ import annotations

__all__ = ["MEMBERS", "PREFERENCES"]

PREFERENCES: dict[str, tuple[str, tuple[str, ...]]] = {
    kind: (stem, tuple(options.split(", ")))
    for kind, stem, options in (
        (
            "drink",
            "Which would you rather drink",
            "tea, coffee, milk, cocoa, lemonade, water, cider, juice, cola, buttermilk, broth, nectar, espresso, "
            "kefir, ginger ale",
        ),
        (
            "meal",
            "Which would you rather eat",
            "soup, rice, bread, salad, noodles, beans, potatoes, omelette, pancakes, stew, pizza, dumplings, porridge, "
            "lentils, waffles",
        ),
        (
            "colour",
            "Which colour do you like best",
            "red, green, blue, yellow, orange, purple, brown, pink, white, black, grey, turquoise, crimson, "
            "beige, violet",
        ),
        (
            "animal",
            "Which animal do you like best",
            "cat, dog, horse, rabbit, goat, sheep, donkey, hamster, squirrel, otter, badger, hedgehog, fox, "
            "deer, camel",
        ),
        (
            "place",
            "Which would you rather visit",
            "a castle, a lighthouse, a harbour, a vineyard, a cathedral, a waterfall, a desert, a glacier, a canyon, "
            "a market, a monastery, a zoo, a planetarium, a shipyard, a windmill",
        ),
        (
            "instrument",
            "Which instrument would you rather learn",
            "piano, violin, cello, flute, clarinet, trumpet, harp, guitar, drums, accordion, banjo, oboe, organ, "
            "saxophone, mandolin",
        ),
        (
            "sport",
            "Which sport would you rather try",
            "tennis, rowing, fencing, judo, hockey, volleyball, archery, cricket, skating, boxing, cycling, handball, "
            "badminton, sailing, climbing",
        ),
        (
            "job",
            "Which job would you rather have for a day",
            "baker, carpenter, pilot, gardener, nurse, tailor, farmer, librarian, plumber, postman, beekeeper, "
            "watchmaker, fisherman, chef, firefighter",
        ),
    )
}
"""By kind of item, the question and what it may offer. Nothing among it is right or wrong."""

MEMBERS: dict[str, tuple[str, tuple[str, ...]]] = {
    kind: (noun, tuple(members.split()))
    for kind, noun, members in (
        ("fruit", "a fruit", "apple pear plum cherry peach grape melon lemon banana apricot fig mango"),
        (
            "vegetable",
            "a vegetable",
            "carrot cabbage spinach onion leek turnip celery broccoli radish parsnip beetroot kale",
        ),
        ("tool", "a tool", "hammer saw screwdriver chisel pliers wrench drill axe shovel rake crowbar trowel"),
        ("bird", "a bird", "owl sparrow robin eagle pigeon swan stork parrot raven falcon penguin ostrich"),
        ("fish", "a fish", "trout salmon tuna cod herring sardine haddock halibut mackerel sturgeon anchovy minnow"),
        ("vehicle", "a vehicle", "car bus lorry bicycle tram train scooter motorcycle van ambulance tractor taxi"),
        (
            "furniture",
            "a piece of furniture",
            "chair table sofa wardrobe bed desk bench cupboard bookcase stool armchair cot",
        ),
        ("garment", "a garment", "shirt coat trousers skirt sock glove scarf jacket sweater hat dress apron"),
        ("metal", "a metal", "iron copper zinc tin silver gold nickel aluminium tungsten platinum titanium cobalt"),
        ("tree", "a tree", "oak birch maple pine willow beech elm poplar spruce cedar alder larch"),
        (
            "insect",
            "an insect",
            "ant bee wasp beetle butterfly moth mosquito grasshopper dragonfly ladybird earwig termite",
        ),
        ("body", "a part of the body", "elbow knee shoulder ankle wrist chin nose ear eyebrow thumb heel hip"),
    )
}
"""By kind of item, what is asked for and what is one."""
