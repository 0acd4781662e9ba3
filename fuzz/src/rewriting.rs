//! What holds of every flow that compiles: its layout can be settled, and both dialects say the same.

use greentic_flow::{Compiled, Context, Dialect, compile, format};

/// Writes the flow anew in each dialect; one that can't say it refuses. What was written makes the same records.
pub fn check(text: &str, compiled: &Compiled, context: &Context<'_>) {
    for to in [None, Some(Dialect::List), Some(Dialect::Map)] {
        let Ok(written) = format(text, to) else { continue };
        let again = match compile(&written, context) {
            Ok(again) => again,
            Err(findings) => panic!("what was written is refused: {findings:#?}\n{written}"),
        };
        assert!(same(compiled, &again), "another flow was written:\n{written}");
        assert_eq!(format(&written, None).as_ref(), Ok(&written), "it does not settle");
    }
}

/// All but the last record, which says where things stand in the text.
fn same(a: &Compiled, b: &Compiled) -> bool {
    let nodes = |flow: &Compiled| flow.nodes.split_last().map(|(_, nodes)| nodes.to_vec());
    a.head == b.head && nodes(a) == nodes(b)
}
