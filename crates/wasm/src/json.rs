//! Writes JSON (RFC 8259). JavaScript parses JSON itself. The crate is compiled for speed, and nothing here needs to be fast:
//! without `inline(never)` each caller would contain a copy.

use alloc::{string::String, vec::Vec};

/// A JSON object under construction.
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(Vec::from(*b"{"))
    }

    #[inline(never)]
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_text(&mut self.0, value);
        self
    }

    /// Omits the member if there is no value.
    pub(crate) fn optional_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// JavaScript reads it exactly up to 2⁵³.
    #[inline(never)]
    pub(crate) fn number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        push_number(&mut self.0, value);
        self
    }

    /// Omits the member if there is no value.
    pub(crate) fn optional_number(self, name: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    pub(crate) fn texts<T: AsRef<str>>(mut self, name: &str, values: impl Iterator<Item = T>) -> Self {
        self.name(name);
        self.0.push(b'[');
        for (at, value) in values.enumerate() {
            if at > 0 {
                self.0.push(b',');
            }
            push_text(&mut self.0, value.as_ref());
        }
        self.0.push(b']');
        self
    }

    #[inline(never)]
    pub(crate) fn finish(mut self) -> String {
        self.0.push(b'}');
        // It consists of whole strings and ASCII, so it is always UTF-8.
        String::from_utf8(self.0).unwrap_or_default()
    }

    #[inline(never)]
    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        push_text(&mut self.0, name);
        self.0.push(b':');
    }
}

#[inline(never)]
fn push_text(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => json.extend([b'\\', byte]),
            0..0x20 => {
                json.extend(b"\\u00");
                json.extend(hex(&[byte]).into_bytes());
            }
            _ => json.push(byte),
        }
    }
    json.push(b'"');
}

/// Bytes in lower-case hexadecimal. `hex::encode` would be compiled once for each type that it is called with.
#[inline(never)]
pub(crate) fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// A number in decimal.
pub(crate) fn decimal(value: u64) -> String {
    let mut text = Vec::new();
    push_number(&mut text, value);
    String::from_utf8(text).unwrap_or_default()
}

#[inline(never)]
fn push_number(json: &mut Vec<u8>, value: u64) {
    if value > 9 {
        push_number(json, value / 10);
    }
    json.push(b'0' + (value % 10) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_json_is_parsed_by_serde_json() {
        let nasty: String = ('\0'..='\u{ff}').chain(['\u{2028}', '\u{fffd}', '😀']).collect();
        let none: [&str; 0] = [];
        let json = Object::new()
            .text("nasty", &nasty)
            .optional_text("present", Some(""))
            .optional_text("absent", None)
            .number("zero", 0)
            .number("most", u64::MAX)
            .texts("none", none.iter())
            .texts("two", ["a", "\"b\""].iter())
            .finish();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "nasty": nasty, "present": "", "zero": 0, "most": u64::MAX, "none": [], "two": ["a", "\"b\""],
        });
        assert_eq!(read, expected);
        assert_eq!(Object::new().finish(), "{}");
    }
}
