//! The transcripts, by name: whoever plays them gets a test for each, so that none is played in one mode only.

macro_rules! with_corpus {
    ($with:ident) => {
        $with! {
            calls cards components greeting kinds languages mapped models order outward questions routes starts
            tries waiting
        }
    };
}
