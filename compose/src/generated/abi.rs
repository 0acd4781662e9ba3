//! Values laid out as the canonical ABI wants them in a 32-bit memory, and the constants of a module built from them.
//!
//! Only what the generated parts answer with. What a value means is said where it is made.

/// Where the constants begin. Address 0 stays outside them, so that no constant has the address of nothing.
const BASE: usize = 16;

/// A string or a list of bytes that stands in memory.
#[derive(Clone, Copy)]
pub struct Text {
    pub address: u32,
    pub length: u32,
}

/// A value of a WIT type.
pub enum Value {
    U32(u32),
    U64(u64),
    Text(Text),
    Record(Vec<Value>),
    Some(Box<Value>),
    /// Takes as much room as this value would.
    None(Box<Value>),
}

impl Value {
    pub fn some(value: Value) -> Value {
        Value::Some(Box::new(value))
    }

    pub fn align(&self) -> usize {
        match self {
            Value::U32(_) | Value::Text(_) => 4,
            Value::U64(_) => 8,
            Value::Record(fields) => fields.iter().map(Value::align).max().unwrap_or(1),
            Value::Some(value) | Value::None(value) => value.align(),
        }
    }

    /// Its bytes, for an address that is a multiple of its alignment.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out);
        out
    }

    fn append(&self, out: &mut Vec<u8>) {
        pad(out, self.align());
        match self {
            Value::U32(number) => out.extend(number.to_le_bytes()),
            Value::U64(number) => out.extend(number.to_le_bytes()),
            Value::Text(text) => {
                out.extend(text.address.to_le_bytes());
                out.extend(text.length.to_le_bytes());
            }
            Value::Record(fields) => fields.iter().for_each(|field| field.append(out)),
            Value::Some(value) => {
                out.push(1);
                value.append(out);
            }
            Value::None(value) => {
                out.push(0);
                pad(out, value.align());
                out.resize(out.len() + value.encode().len(), 0);
            }
        }
        pad(out, self.align());
    }
}

fn pad(out: &mut Vec<u8>, align: usize) {
    out.resize(out.len().next_multiple_of(align), 0);
}

/// The constants of one module: what its memory holds before anything is called.
#[derive(Default)]
pub struct Image {
    bytes: Vec<u8>,
}

impl Image {
    /// Addresses past 4 GiB saturate: [`Image::size`] is checked against a far lower limit before the image is used.
    pub fn put(&mut self, bytes: &[u8], align: usize) -> u32 {
        pad(&mut self.bytes, align);
        let address = self.end();
        self.bytes.extend_from_slice(bytes);
        address
    }

    pub fn text(&mut self, bytes: impl AsRef<[u8]>) -> Text {
        let bytes = bytes.as_ref();
        Text { address: self.put(bytes, 1), length: narrow(bytes.len()) }
    }

    pub fn value(&mut self, value: &Value) -> u32 {
        self.put(&value.encode(), value.align())
    }

    /// The first address after the constants.
    pub fn end(&self) -> u32 {
        narrow(BASE.saturating_add(self.bytes.len()))
    }

    pub fn start(&self) -> u32 {
        narrow(BASE)
    }

    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Value = Value::Text(Text { address: 0x1122_3344, length: 5 });

    #[test]
    fn a_record_is_padded_to_its_widest_field() {
        let record = Value::Record(vec![Value::U32(7), Value::U64(9), Value::U32(1)]);
        assert_eq!(record.align(), 8);
        let mut expected = vec![7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1];
        expected.resize(24, 0);
        assert_eq!(record.encode(), expected);
    }

    #[test]
    fn an_option_is_as_large_with_and_without_its_value() {
        assert_eq!(Value::some(TEXT).encode(), [1, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 5, 0, 0, 0]);
        assert_eq!(Value::None(Box::new(TEXT)).encode(), [0; 12]);
        let wide = || Value::Record(vec![Value::U64(0), Value::U32(0)]);
        assert_eq!(Value::some(wide()).encode().len(), 24);
        assert_eq!(Value::None(Box::new(wide())).encode().len(), 24);
    }

    #[test]
    fn constants_are_aligned_and_do_not_overlap() {
        let mut image = Image::default();
        let odd = image.text("abc");
        let number = image.value(&Value::U64(u64::MAX));
        let after = image.text("");
        assert_eq!((odd.address, odd.length), (16, 3));
        assert_eq!(number, 24);
        assert_eq!((after.address, after.length), (32, 0));
        assert_eq!(image.end(), 32);
        assert_eq!(image.bytes(), [97, 98, 99, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    }
}
