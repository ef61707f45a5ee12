//! Writes JSON (RFC 8259). Reading it is JavaScript's business.

/// A JSON object under construction.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_text(&mut self.0, value);
        self
    }

    /// Leaves the member out where there is no value.
    pub(crate) fn optional_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// JavaScript reads it exactly up to 2⁵³.
    pub(crate) fn number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        push_number(&mut self.0, value);
        self
    }

    /// Leaves the member out where there is no value.
    pub(crate) fn optional_number(self, name: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    pub(crate) fn texts<T: AsRef<str>>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        self.name(name);
        let mut next = '[';
        for value in values {
            self.0.push(next);
            push_text(&mut self.0, value.as_ref());
            next = ',';
        }
        self.0.push_str(if next == '[' { "[]" } else { "]" });
        self
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
    }
}

fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1f' => {
                json.push_str("\\u00");
                json.extend([character as u32 >> 4, character as u32 & 15].map(hex_digit));
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

fn hex_digit(value: u32) -> char {
    char::from_digit(value, 16).unwrap_or_default()
}

fn push_number(json: &mut String, value: u64) {
    if value > 9 {
        push_number(json, value / 10);
    }
    json.push(char::from(b'0' + (value % 10) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_reader_reads_what_was_written() {
        let nasty: String = ('\0'..='\u{ff}').chain(['\u{2028}', '\u{fffd}', '😀']).collect();
        let none: [&str; 0] = [];
        let json = Object::new()
            .text("nasty", &nasty)
            .optional_text("absent", None)
            .optional_number("absent too", None)
            .number("zero", 0)
            .number("most", u64::MAX)
            .texts("none", none)
            .texts("two", ["a", "\"b\""])
            .finish();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "nasty": nasty, "zero": 0, "most": u64::MAX, "none": [], "two": ["a", "\"b\""],
        });
        assert_eq!(read, expected);
        assert_eq!(Object::new().finish(), "{}");
    }
}
