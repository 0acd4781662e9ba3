//! How numbers, dates and spans of time are written in the languages that bots speak most. One row is one language; a
//! language without a row is written as English.

pub struct Locale {
    /// The first part of a locale's name.
    language: &'static str,
    pub decimal_point: char,
    pub group_separator: char,
    /// `$5` and not `5 $`.
    pub sign_first: bool,
    /// What stands between a number and the sign behind it.
    pub gap: &'static str,
    pub months: [&'static str; 12],
    /// From Monday.
    pub days: [&'static str; 7],
    pub just_now: &'static str,
    /// Around a span of time that is over.
    pub ago: (&'static str, &'static str),
    /// Around a span of time to come.
    pub ahead: (&'static str, &'static str),
    /// One and several: minutes, hours, days, months, years.
    pub units: [(&'static str, &'static str); 5],
}

static LOCALES: [Locale; 4] = [
    Locale {
        language: "en",
        decimal_point: '.',
        group_separator: ',',
        sign_first: true,
        gap: "",
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        days: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        just_now: "just now",
        ago: ("", " ago"),
        ahead: ("in ", ""),
        units: [("minute", "minutes"), ("hour", "hours"), ("day", "days"), ("month", "months"), ("year", "years")],
    },
    Locale {
        language: "de",
        decimal_point: ',',
        group_separator: '.',
        sign_first: false,
        gap: "\u{a0}",
        months: [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        days: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
        just_now: "gerade eben",
        ago: ("vor ", ""),
        ahead: ("in ", ""),
        units: [
            ("Minute", "Minuten"),
            ("Stunde", "Stunden"),
            ("Tag", "Tagen"),
            ("Monat", "Monaten"),
            ("Jahr", "Jahren"),
        ],
    },
    Locale {
        language: "fr",
        decimal_point: ',',
        group_separator: '\u{202f}',
        sign_first: false,
        gap: "\u{a0}",
        months: [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        days: ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        just_now: "à l’instant",
        ago: ("il y a ", ""),
        ahead: ("dans ", ""),
        units: [("minute", "minutes"), ("heure", "heures"), ("jour", "jours"), ("mois", "mois"), ("an", "ans")],
    },
    Locale {
        language: "es",
        decimal_point: ',',
        group_separator: '.',
        sign_first: false,
        gap: "\u{a0}",
        months: [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        days: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        just_now: "ahora mismo",
        ago: ("hace ", ""),
        ahead: ("dentro de ", ""),
        units: [("minuto", "minutos"), ("hora", "horas"), ("día", "días"), ("mes", "meses"), ("año", "años")],
    },
];

impl Locale {
    /// Of `de`, `de-AT`, `de_AT` or any other name of a locale.
    pub fn of(name: &str) -> &'static Locale {
        let language = name.split(['-', '_']).next().unwrap_or_default();
        let [english, ..] = &LOCALES;
        LOCALES.iter().find(|locale| locale.language.eq_ignore_ascii_case(language)).unwrap_or(english)
    }
}
