//! Container of a compiled flow: a head record and node records, each reachable without reading the others.
//!
//! ```text
//! CBOR array [1, head: bstr, [node: bstr, …]], definite lengths, nothing behind it
//! ```
//!
//! Rule: scanned once when a pack is opened, then every record is a slice of the same bytes, so that a request pays
//! for the nodes it reaches and no more. What a record holds is the flow engine's; nothing here looks inside.

use minicbor::Decoder;
use std::ops::Range;
use std::sync::Arc;

/// Version of the container. A different one is refused: its layout can't be guessed.
const VERSION: u32 = 1;

/// More nodes than any person writes; bounds the table of ranges (1.6 MB) that a pack can make the host keep.
const MAX_NODES: u64 = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum FlowImageError {
    #[error("compiled flow is malformed")]
    Malformed(#[from] minicbor::decode::Error),
    #[error("compiled flow has container version {0}, only {ours} is supported: build the pack anew", ours = VERSION)]
    Version(u32),
    #[error("compiled flow has {0} nodes, at most {max} are allowed", max = MAX_NODES)]
    TooManyNodes(u64),
    #[error("compiled flow: {0}")]
    Layout(&'static str),
}

/// Cheap to clone: the records share one allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct FlowImage {
    bytes: Arc<[u8]>,
    head: Range<usize>,
    nodes: Arc<[Range<usize>]>,
}

/// The records may be megabytes, so only their number is shown.
impl std::fmt::Debug for FlowImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowImage").field("bytes", &self.bytes.len()).field("nodes", &self.nodes.len()).finish()
    }
}

impl FlowImage {
    pub fn encode(head: &[u8], nodes: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        start(&mut out, ARRAY, 3);
        start(&mut out, UNSIGNED, u64::from(VERSION));
        start(&mut out, BYTES, head.len() as u64);
        out.extend_from_slice(head);
        start(&mut out, ARRAY, nodes.len() as u64);
        for node in nodes {
            start(&mut out, BYTES, node.len() as u64);
            out.extend_from_slice(node);
        }
        out
    }

    pub fn parse(bytes: Arc<[u8]>) -> Result<FlowImage, FlowImageError> {
        let mut decoder = Decoder::new(&bytes);
        if decoder.array()? != Some(3) {
            return Err(FlowImageError::Layout("it is not an array of three"));
        }
        let version = decoder.u32()?;
        if version != VERSION {
            return Err(FlowImageError::Version(version));
        }
        let head = record(&mut decoder)?;
        let count = decoder.array()?.ok_or(FlowImageError::Layout("its node list has no definite length"))?;
        if count > MAX_NODES {
            return Err(FlowImageError::TooManyNodes(count));
        }
        // Grown as records are found: a few bytes that announce many nodes must not allocate for them.
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(record(&mut decoder)?);
        }
        if decoder.position() != bytes.len() {
            return Err(FlowImageError::Layout("bytes follow its end"));
        }
        Ok(FlowImage { head, nodes: nodes.into(), bytes })
    }

    pub fn head(&self) -> &[u8] {
        self.bytes.get(self.head.clone()).unwrap_or_default()
    }

    pub fn node(&self, index: u32) -> Option<&[u8]> {
        let range = self.nodes.get(usize::try_from(index).ok()?)?;
        self.bytes.get(range.clone())
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// Where the byte string that comes next lies. The decoder stands right behind it after reading it.
fn record(decoder: &mut Decoder<'_>) -> Result<Range<usize>, FlowImageError> {
    let length = decoder.bytes()?.len();
    let end = decoder.position();
    Ok(end.saturating_sub(length)..end)
}

const UNSIGNED: u8 = 0x00;
const BYTES: u8 = 0x40;
const ARRAY: u8 = 0x80;

/// The first bytes of a CBOR item, in the shortest form. By hand because writing to memory can't fail, while every
/// call of an encoder returns an error to be handled.
fn start(out: &mut Vec<u8>, major: u8, argument: u64) {
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_are_those_of_the_layout() {
        let bytes = FlowImage::encode(b"hd", &[b"n0".to_vec(), vec![]]);
        assert_eq!(bytes, [0x83, 0x01, 0x42, b'h', b'd', 0x82, 0x42, b'n', b'0', 0x40]);
    }

    #[test]
    fn records_of_every_length_form_come_back() {
        let nodes: Vec<Vec<u8>> = [0, 23, 24, 255, 256, 65_535, 65_536].iter().map(|n| vec![7u8; *n]).collect();
        let image = FlowImage::parse(FlowImage::encode(b"head", &nodes).into()).unwrap();
        assert_eq!(image.head(), b"head");
        assert_eq!(image.len(), nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            assert_eq!(image.node(index as u32).unwrap(), node.as_slice());
        }
        assert!(image.node(nodes.len() as u32).is_none());
    }

    #[test]
    fn other_layouts_are_refused() {
        let parse = |bytes: &[u8]| FlowImage::parse(bytes.into());
        assert!(matches!(parse(&[0x83, 0x02, 0x40, 0x80]), Err(FlowImageError::Version(2))));
        assert!(matches!(parse(&[0x82, 0x01, 0x40]), Err(FlowImageError::Layout(_))), "two elements");
        assert!(matches!(parse(&[0x83, 0x01, 0x40, 0x9f, 0xff]), Err(FlowImageError::Layout(_))), "indefinite");
        assert!(matches!(parse(&[0x83, 0x01, 0x40, 0x80, 0x00]), Err(FlowImageError::Layout(_))), "trailing byte");
        assert!(matches!(parse(&[0x83, 0x01, 0x40, 0x81, 0x41]), Err(FlowImageError::Malformed(_))), "cut off");
        assert!(matches!(
            parse(&[0x83, 0x01, 0x40, 0x9a, 0x00, 0x01, 0x86, 0xa1]),
            Err(FlowImageError::TooManyNodes(100_001))
        ));
    }

    proptest! {
        #[test]
        fn round_trip(
            head in prop::collection::vec(any::<u8>(), 0..300),
            nodes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40),
        ) {
            let image = FlowImage::parse(FlowImage::encode(&head, &nodes).into()).unwrap();
            prop_assert_eq!(image.head(), head.as_slice());
            let read: Vec<Vec<u8>> = (0..image.len()).map(|i| image.node(i as u32).unwrap().to_vec()).collect();
            prop_assert_eq!(read, nodes);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = FlowImage::parse(bytes.into());
        }

        #[test]
        fn no_bytes_behind_a_good_start_panic(rest in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut bytes = vec![0x83, 0x01];
            bytes.extend(rest);
            let _ = FlowImage::parse(bytes.into());
        }
    }
}
