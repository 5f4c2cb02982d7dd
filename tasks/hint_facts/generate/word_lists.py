"""The words that the language questions are about. The lists are written for this package and share no word."""

from __future__ import annotations

__all__ = ["OPPOSITES", "PAST_TENSES", "PLURALS", "SPELLED_WORDS"]

SPELLED_WORDS = tuple(
    """
    apple table window garden river school bridge orange flower mountain kitchen doctor summer winter animal bottle
    camera castle chicken circle coffee cotton danger dragon engine family farmer finger forest guitar hammer
    island jacket jungle ladder letter lemon magnet market mirror monkey museum music needle number ocean office
    painter paper pencil pepper pillow pirate planet pocket potter prison purple rabbit rocket sailor salad
    sandwich season shadow silver singer soldier spider spring square stone storm street student sugar
    teacher temple theater thunder ticket tiger tower traffic travel tunnel turtle umbrella uncle valley village
    violin wagon water weather whistle yellow zebra bread chair cloud dream earth field grass horse house juice
    kite money paint queen radio sheet snake train truck voice wheel world young breakfast elephant
    hospital notebook rainbow triangle
    """.split()
)
"""Common words without a second spelling, for questions about their letters."""

OPPOSITES: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (line.split(": ")[0].strip(), tuple(line.split(": ")[1].split()))
    for line in """
    warmth: hot/cold warm/cool freeze/melt
    body: big/small wide/narrow thick/thin heavy/light strong/weak hard/soft easy/difficult loud/quiet simple/complex
    body: rough/smooth sharp/blunt even/odd straight/crooked day/night
    vertical: high/low up/down above/below top/bottom deep/shallow maximum/minimum increase/decrease more/less
    vertical: add/subtract float/sink attic/basement majority/minority
    value: good/bad true/false positive/negative rich/poor cheap/expensive left/right busy/idle captive/free tight/loose
    value: safe/dangerous harmful/harmless useful/useless legal/illegal guilty/innocent honest/dishonest fact/fiction
    time: early/late before/after past/future present/absent first/last beginning/end old/new ancient/modern birth/death
    place: inside/outside entrance/exit arrive/depart front/back forward/backward near/far
    feeling: love/hate war/peace friend/enemy happy/sad praise/blame
    outcome: victory/defeat success/failure profit/loss attack/defend
    exchange: send/receive accept/refuse import/export borrow/lend
    company: alone/together married/single singular/plural unite/divide
    extent: full/empty whole/partial
    sight: visible/invisible open/closed conceal/reveal public/private
    character: polite/rude humble/proud generous/stingy patient/impatient careful/careless brave/cowardly
    taste: wet/dry sweet/bitter acidic/alkaline
    life: alive/dead asleep/awake
    speed: fast/slow
    cleanness: clean/dirty
    frequency: always/never
    sex: male/female
    asking: question/answer
    compass: north/south east/west
    force: push/pull
    building: build/destroy
    limit: finite/infinite
    outlook: optimist/pessimist
    possibility: possible/impossible
    letters: uppercase/lowercase
    family: ancestor/descendant
    lines: horizontal/vertical
    lens: convex/concave
    visit: host/guest
    origin: natural/artificial
    settlement: urban/rural
    """.strip().splitlines()
)
"""Pairs of opposites by field of meaning. Fields are wide: words of one field never stand side by side in a question,
as the opposite of "loud" may be "quiet" or "soft", that of "busy" "idle" or "free"."""

PLURALS: tuple[tuple[str, str], ...] = tuple(
    (pair.split(":")[0], pair.split(":")[1])
    for pair in """
    child:children man:men woman:women foot:feet tooth:teeth goose:geese
    leaf:leaves knife:knives wife:wives life:lives wolf:wolves shelf:shelves thief:thieves loaf:loaves calf:calves
    half:halves elf:elves self:selves city:cities baby:babies story:stories country:countries party:parties
    lady:ladies body:bodies army:armies berry:berries puppy:puppies pony:ponies penny:pennies
    factory:factories library:libraries cherry:cherries spy:spies diary:diaries bakery:bakeries
    box:boxes fox:foxes church:churches watch:watches dish:dishes brush:brushes bus:buses glass:glasses
    class:classes dress:dresses kiss:kisses witch:witches beach:beaches peach:peaches bench:benches branch:branches
    tax:taxes wish:wishes lunch:lunches match:matches potato:potatoes tomato:tomatoes
    crisis:crises thesis:theses oasis:oases analysis:analyses basis:bases parenthesis:parentheses
    hypothesis:hypotheses boy:boys key:keys toy:toys donkey:donkeys photo:photos piano:pianos
    chief:chiefs belief:beliefs
    """.split()
) + tuple(
    (noun, f"{noun}s")
    for noun in """
    actor baker banana basket bell belt blanket boat book button cake candle car carpet carrot cat clock coat cow crown
    cup curtain desk dog doll door drum duck eagle ear egg eye farm flag floor fork frog gift girl glove goat hand hat
    heart hill horn king kitten lake lamp lion nest nose nurse owl pan parrot pear phone pig pilot pin plate pond
    pot rat road robot rope rug sail seed shark ship shirt shoe sock sofa song spoon star stool stove sun swan tail tank
    tent thumb tool towel tractor tree tube vase wall wing worm
    ant apron arrow artist author bat bean bee bone bowl brick bucket bug camel canoe cave chain chin coin comb
    cushion dentist desert dolphin elbow envelope feather fence hen jar jewel lizard map medal melon nail oven
    palace panda plum prince puzzle queue raccoon ribbon saddle sandal skirt slipper statue sweater thread throne
    toad trumpet tulip vest walnut whale
    """.split()
)
"""Nouns with exactly one usual plural."""

PAST_TENSES: tuple[tuple[str, str], ...] = tuple(
    (pair.split(":")[0], pair.split(":")[1])
    for pair in """
    arise:arose begin:began bind:bound bite:bit bleed:bled blow:blew break:broke breed:bred
    bring:brought buy:bought catch:caught choose:chose cling:clung come:came deal:dealt dig:dug do:did
    draw:drew drink:drank drive:drove eat:ate fall:fell feed:fed feel:felt fight:fought find:found flee:fled
    fling:flung fly:flew forbid:forbade get:got give:gave go:went
    grind:ground grow:grew have:had hear:heard hold:held keep:kept know:knew lead:led leave:left
    lose:lost make:made mean:meant meet:met ride:rode rise:rose hide:hid
    run:ran say:said see:saw seek:sought sell:sold shake:shook shoot:shot sing:sang sit:sat sleep:slept
    speak:spoke spend:spent spin:spun stand:stood steal:stole stick:stuck sting:stung strike:struck
    swear:swore sweep:swept swim:swam swing:swung take:took teach:taught tear:tore tell:told think:thought
    throw:threw wear:wore weep:wept win:won wring:wrung write:wrote
    ring:rang pay:paid slide:slid creep:crept wake:woke shrink:shrank bend:bent
    """.split()
)
"""Irregular verbs with exactly one usual simple past."""
