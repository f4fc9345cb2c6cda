//! `#NAME=VALUE`: properties that users give to the PIDs of a filter (gpac-semantics 13.4).

use weir_args::property::{Assignment, Setting, ValueType};
use weir_args::template::Template;
use weir_args::value::{self, Kind, Typed};
use weir_media::{CodecId, Frac, Prop, Props, Value};

use crate::graph::{Graph, NodeId};
use crate::steer::{is_met, stream_type};

const ANY_INT: Kind = Kind::Int { min: i64::MIN, max: i64::MAX };

impl Graph {
    /// Gives the PID of a filter the properties its user wants: those said of the filter itself, or of the declared one
    /// before it. To be called before the PID is resolved, and whenever its properties change.
    pub fn dress(&self, from: NodeId, props: &mut Props) {
        let declared = self.declared_before(from);
        for assignment in &self.nodes[declared].assigned {
            let value = {
                let offer = self.offer(from, props, 0);
                let fits = |rule: &&weir_args::property::Rule| rule.tests.iter().all(|t| is_met(t, &offer, false));
                assignment.rules.iter().find(fits).map(|rule| worth(&assignment.name, &rule.value, props))
            };
            // What cannot be made of this PID's own properties is left as it is.
            if let Some(Ok(value)) = value {
                set(props, &assignment.name, value);
            }
        }
    }
}

fn set(props: &mut Props, name: &str, value: Option<Value>) {
    match (Prop::from_name(name), value) {
        (Some(prop), Some(value)) => props.set(prop, value),
        (Some(prop), None) => props.remove(prop),
        (None, value) => props.set_free(name, value),
    }
}

/// Checks an assignment as far as its text tells.
///
/// # Errors
/// What was expected, for each value that can never be had.
pub fn check(assignment: &Assignment) -> Result<(), String> {
    for rule in &assignment.rules {
        let is_plain = match &rule.value {
            Setting::Text(text) => Template::parse(text).is_plain(),
            _ => true,
        };
        if is_plain {
            worth(&assignment.name, &rule.value, &Props::new())?;
        }
    }
    Ok(())
}

/// The value a setting stands for; `None` removes.
fn worth(name: &str, setting: &Setting, props: &Props) -> Result<Option<Value>, String> {
    let (ty, text) = match setting {
        Setting::Remove => return Ok(None),
        Setting::Yes => return of_prop(name, "yes").map(Some),
        Setting::Typed(ty, text) => (Some(*ty), text.clone()),
        Setting::Text(text) => {
            let value = |key: &str| props.by_name(if key == "PID" { "ID" } else { key }).map(Value::to_string);
            let filled = Template::parse(text).fill(0, value).map_err(|key| format!("there is no property {key}"))?;
            (None, filled)
        }
    };
    match ty {
        Some(ty) => typed(ty, &text),
        None => of_prop(name, &text),
    }
    .map(Some)
}

fn typed(ty: ValueType, text: &str) -> Result<Value, String> {
    let kind = match ty {
        ValueType::Bool => Kind::Bool,
        ValueType::Uint => Kind::Int { min: 0, max: i64::MAX },
        ValueType::Int => ANY_INT,
        ValueType::Frac => Kind::Frac,
        ValueType::Str => Kind::Str,
    };
    match value::parse(kind, Some(text)).map_err(|e| e.to_string())? {
        Typed::Bool(b) => Ok(Value::Bool(b)),
        Typed::Int(n) => Ok(u64::try_from(n).ok().filter(|_| ty == ValueType::Uint).map_or(Value::Int(n), Value::Uint)),
        Typed::Frac { num, den } => {
            Frac::new(num, den).map(Value::Frac).ok_or_else(|| "expected a fraction".to_owned())
        }
        Typed::Str(text) => Ok(Value::Str(text.into())),
        _ => Err("expected a plain value".to_owned()),
    }
}

/// A text as the type of a well-known property; of others, as a text.
fn of_prop(name: &str, text: &str) -> Result<Value, String> {
    let Some(prop) = Prop::from_name(name) else {
        return Ok(if text == "yes" { Value::Bool(true) } else { Value::Str(text.into()) });
    };
    let ty = match prop {
        Prop::StreamType => {
            return stream_type(text).map(Value::Type).ok_or_else(|| format!("{text} is no stream type"));
        }
        Prop::CodecId => {
            return CodecId::from_name(text).map(Value::Codec).ok_or_else(|| format!("{text} is no codec"));
        }
        Prop::Unframed | Prop::SenderNtp => ValueType::Bool,
        Prop::Delay => ValueType::Int,
        Prop::Duration | Prop::Fps | Prop::Sar => ValueType::Frac,
        Prop::Name | Prop::Language | Prop::Url | Prop::FilePath | Prop::FileExt | Prop::Mime => ValueType::Str,
        Prop::DecoderConfig | Prop::PixelFormat | Prop::AudioFormat | Prop::Delivery => {
            return Err(format!("{name} cannot be set by hand"));
        }
        _ => ValueType::Uint,
    };
    typed(ty, text)
}
