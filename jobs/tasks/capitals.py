"""English words that are written with a capital and yet are translated, not carried over."""

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from babel import Locale
from babel.dates import get_day_names, get_month_names

FUNCTION: Final = """
a about above after again against all also although am an and another any anyway are as at be
because been before being below between both but by can can't come could did do does don't down
during each either else even every few first for from further get give go had has have haven't he
her here hers herself high him himself his hm how however i i'd i'll i'm i've if in into is isn't
it it's its itself just last let let's like look make many maybe me mine mm mm-hmm more most much
must my myself never new next no nor not nothing now of off oh ok okay old on once one only or
other our ours out over own part perhaps plus please right same see several shall she should since
so some such take than thank thanks that that's the their them then there therefore these they
thing this those though three thus to too two uh um under until up upon us very was we we'd we'll
we're we've welcome well were what what's when where which while who whole whom whose why will
with within without would yeah yep yes yet you you'd you'll you're you've your yours actually
sorry sure plan plans inventor second third end prix
"""
TITLES: Final = """
mr mrs ms miss dr prof professor sir lord lady dame rev reverend father sister brother st saint
king queen prince princess duke president vice prime minister chancellor secretary senator sen rep
congressman congresswoman governor gov mayor ambassador judge justice attorney general captain
capt colonel col lieutenant lt sergeant sgt officer chief chairman chairwoman chair director
manager coach doctor pope bishop archbishop cardinal speaker leader commissioner presiding member
members head deputy junior jr sr
"""
INSTITUTIONS: Final = """
academy administration affairs agency aids aviation airline airlines airport alliance anniversary
appeals arms army art arts assembly association authority award awards bank bay board bridge
building bureau business cabinet campaign capitol castle cathedral center central centre century
chamber championship championships church cinema circuit city class club coalition coast
coastguard college commission committee commons commonwealth community company conference congress
conservation conservative conservatives constitution control corporation council county court
crown culture cup daily day defence defense democracy democrat democratic democrats department
dialogue district division earth east eastern economics economic economy education election
embassy emergency empire energy enforcement environment exchange executive faculty federal
federation festival film finance fire flight force forces foreign forest forum foundation fund
game games garden gate gold government grand great green group guard gulf hall harbor harbour
health heritage highway hill hospital hotel house housing human independent industry informatics
information institute institution intelligence inter internal international internet investigation
island islands journal judicial judiciary labor labour lake land law league legislature liberal
library linguistics living local lords magazine main major management maritime market marine
marines media medical medicine memorial mental metropolitan middle military ministry monument moon
morning mount mountain mountains municipal museum music national nations navy network news night
north northeast northern northwest office olympic olympics open opera opposition organisation
organization pacific palace park parliament parliamentary party peace philosophy plaza police
policy political port post power premier press primary prison prize program programme project
psychology public radio railway real red regiment region registration relations republic
republican republicans research reserve resort restaurant revolution rights river road rock royal
rugby rural safety sanctuary school science sciences sea season security senate senior sentinel
series service services shadow social socialist society soldier solar south southeast southern
southwest space special specially sport sports square stadium standing state states station stock
store street studies studio super superior supreme system team technology telecom temple theater
theatre times tower town trade trading transport transportation treasury treaty tribunal trophy
trust union united unity university upper valley village volcano volunteer war water weather week
west western white wildlife winter women women's world yellow young youth zoo black blue golden
silver latin monitor product remote user interface industrial designer marketing expert ai tv dvd
vcr lcd golf cold civil parish football basketball baseball soccer tennis hockey cricket boxing
racing marathon final finals playoff playoffs masters tour inc corp ltd llc plc holdings partners
capital ventures motors foods pharmaceuticals electronics systems technologies solutions brothers
bros sons cape strait peninsula basin ocean beach creek falls springs desert avenue boulevard lane
drive province prefecture holocaust renaissance age ages dynasty era mosque buddhist hindu sikh
orthodox holy spirit mass thanksgiving halloween year years homeland wall communist communists
marxist nazis planet mars venus jupiter saturn ministers presidents judges republics attack
operation mission medal star stars giants tigers lions bears rovers wanderers days nights story
stories song songs notes note chapter volume edition release version update model type grade level
phase stage god bible christmas easter web english christian christians muslim muslims jewish
islamic islam catholic protestant nazi medicare medicaid bill act amendment section article figure
table page
"""
NATIONS: Final = """
afghan african albanian algerian american americans arab arabic argentine asian australian
australians austrian belgian brazilian brexit briton britons british bulgarian canadian canadians
chilean chinese colombian croatian cuban czech danish dutch egyptian estonian europe european
europeans filipino finnish french german germans greek greeks hungarian icelandic indian indians
indonesian indonesians iranian iraqi irish israeli israelis italian italians jamaican japanese
jordanian kenyan korea korean koreans kurdish latvian lebanese libyan lithuanian malaysian mexican
mexicans moroccan nigerian norwegian pakistani palestinian palestinians persian peruvian
philippine polish portuguese romanian russian russians saudi scot scots scottish serbian
singaporean slovak soviet spanish sudanese swedish swiss syrian syrians taiwanese thai tibetan
turkish ukrainian venezuelan vietnamese welsh america britain england scotland wales africa asia
antarctica arctic atlantic mediterranean uk usa u.s u.k eu un
"""

PLACES: Final = """
alps antwerp basel bavaria beijing bohemia brittany burgundy catalonia cologne corsica crimea
danube flanders florence geneva genoa hague hanover krakow milan munich naples normandy
nuremberg rhine sardinia saxony seine seville siberia sicily thames turin tuscany venice
"""
"""Places that other languages name differently, beside the countries and the cities of zones."""

INHABITED: Final = ("Africa/", "America/", "Asia/", "Atlantic/", "Europe/", "Pacific/")


@cache
def translated_capitals() -> frozenset[str]:
    """Return the words, lower case: titles, institutions, nations, cities, days, and the like."""
    listed = " ".join((FUNCTION, TITLES, INSTITUTIONS, NATIONS, PLACES)).split()
    english = Locale("en")
    days = [
        name
        for width in ("wide", "abbreviated")
        for name in get_day_names(width, locale="en").values()
    ]
    months = [
        name
        for width in ("wide", "abbreviated")
        for name in get_month_names(width, locale="en").values()
    ]
    places = [
        word
        for name in english.territories.values()
        for word in str(name).replace("-", " ").split()
    ]
    zones = [zone for zone in available_timezones() if zone.startswith(INHABITED)]
    cities = [part for zone in zones for part in zone.split("/")[-1].split("_")]
    said = (*listed, *days, *(f"{day}s" for day in days), *months, *places, *cities)
    return frozenset(word.casefold().strip(".,()&") for word in said)
