//! The transcripts, by name: whoever plays them gets a test for each, so that none is played in one mode only.

macro_rules! with_corpus {
    ($with:ident) => {
        $with! {
            calls cards components greeting helpers kinds languages mapped models order outward questions rest
            rest_map routes starts tries waiting
        }
    };
}
