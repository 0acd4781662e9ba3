//! The only place that writes to the terminal. Results go to standard output, everything else to standard error.

use std::io::Write;

/// What stands before what a person types.
pub fn prompt(text: &str) -> std::io::Result<()> {
    print!("{text}");
    std::io::stdout().flush()
}

/// A line of a command's result.
pub fn line(text: &str) {
    println!("{text}");
}

/// A line about what is going on.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// An error with its causes, the outermost first.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        for line in cause.to_string().lines() {
            eprintln!("  {line}");
        }
    }
}
