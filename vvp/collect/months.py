"""Names of months and days of the week, long and short, in the languages that platforms export most."""

_MONTHS = """
jan january januar janvier janv enero ene janeiro gennaio gen januari styczeń stycznia января янв jänner
feb february februar février févr fev fevr febrero fevereiro febbraio februari lutego luty февраля фев
mar march märz mär mars marzo março maart mrt marca marzec марта мар mrz
apr april avril avr abril abr aprile kwietnia kwiecień апреля апр
may mai mayo maio maggio mag mei maja maj мая май
jun june juni juin junio junho giugno giu czerwca czerwiec июня июн
jul july juli juillet juil julio julho luglio lug lipca lipiec июля июл
aug august août aout agosto ago augustus sierpnia sierpień августа авг
sep sept september septembre septiembre setembro set settembre wrzesień września сентября сен
oct october oktober okt octobre octubre outubro out ottobre ott październik października октября окт
nov november novembre noviembre novembro listopad listopada ноября ноя
dec december dezember dez décembre déc diciembre dic dezembro dicembre desember grudzień grudnia декабря дек
"""
MONTHS = {name: number for number, line in enumerate(_MONTHS.split("\n")[1:13], 1) for name in line.split()}

_ENGLISH = (
    "mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday"
)
WEEKDAYS = {
    name: day
    for name in _ENGLISH.split()
    for day, start in enumerate(("mo", "tu", "we", "th", "fr", "sa", "su"))
    if name.startswith(start)
}
# Others are taken as such and not compared with the date; -1 stands for any day.
_OTHERS = """
montag dienstag mittwoch donnerstag freitag samstag sonntag lundi mardi mercredi jeudi vendredi samedi
dimanche lunes martes miércoles jueves viernes sábado domingo segunda terça quarta quinta sexta lunedì martedì
mercoledì giovedì venerdì sabato domenica maandag dinsdag woensdag donderdag vrijdag zaterdag
zondag
"""
WEEKDAYS |= dict.fromkeys(_OTHERS.split(), -1)
