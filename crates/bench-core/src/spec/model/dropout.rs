//! Dropout by place: one share for a whole model, or one for each place that a kind of model has.

use crate::number::Share;
use schemars::{JsonSchema, Schema};
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// Makes a kind's places: written as one share for all of them, or as a share for each that leaves anything out.
macro_rules! places {
    ($($(#[$doc:meta])* $name:ident { $($(#[$place_doc:meta])* $place:ident,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default, remote = "Self")]
        #[schemars(rename = "Places", transform = or_one_share, inline)]
        pub struct $name {
            $(
                $(#[$place_doc])*
                #[serde(deserialize_with = "Share::number")]
                #[schemars(with = "Share", extend("exclusiveMaximum" = 1.0))]
                pub $place: f64,
            )+
        }

        impl $name {
            /// The same share everywhere.
            pub fn everywhere(share: f64) -> $name {
                $name { $($place: share,)+ }
            }

            /// Whether nothing is left out anywhere.
            pub fn is_none(&self) -> bool {
                *self == $name::default()
            }

            fn by_name(&self) -> Vec<(String, f64)> {
                vec![$((stringify!($place).replace('_', "-"), self.$place),)+]
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let places = match Value::deserialize(deserializer)? {
                    places @ Value::Object(_) => $name::deserialize(places),
                    share => Share::deserialize(share).map(|share| $name::everywhere(share.0)),
                };
                places.map_err(D::Error::custom)
            }
        }

        /// One share where all are the same, so that both ways to write it are one configuration.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let places = self.by_name();
                let share = places[0].1;
                if *self == $name::everywhere(share) {
                    return serializer.serialize_f64(share);
                }
                let mut map = serializer.serialize_map(None)?;
                for (place, share) in places.iter().filter(|(_, share)| *share > 0.0) {
                    map.serialize_entry(place, share)?;
                }
                map.end()
            }
        }
    )+};
}

places! {
    /// Shares of numbers that a training step of a decoder leaves out.
    DecoderDropout {
        /// Of the embedded tokens.
        embedding,
        /// Of what each attention and each MLP adds.
        residual,
        /// Inside the MLP.
        hidden,
    }

    /// Shares of numbers that a training step of a Transformer's blocks leaves out.
    TransformerDropout {
        /// Of the embedded patches or tokens, positions added.
        embedding,
        /// Of the attention weights.
        attention,
        /// Of what each attention and each MLP adds.
        residual,
        /// Inside the MLP.
        hidden,
    }

    /// Shares of numbers that a training step of a Conformer leaves out.
    ConformerDropout {
        /// Of the embedded frames, positions added.
        input,
        /// Of what each attention adds.
        attention,
        /// Of what each convolution module adds.
        convolution,
        /// Of what each feed-forward module adds.
        feed_forward,
    }

    /// Shares of numbers that a training step of a DeepSpeech network leaves out.
    DeepspeechDropout {
        /// Of the embedded frames.
        input,
        /// Of what each fully connected layer adds.
        feed_forward,
    }
}

/// One share in place of the map: what is said of numbers and texts goes beside what is said of maps.
fn or_one_share(schema: &mut Schema) {
    let share = [
        ("type", json!(["object", "number", "string"])),
        ("minimum", json!(0.0)),
        ("exclusiveMaximum", json!(1.0)),
        ("format", json!(Share::FORMAT)),
    ];
    for (key, value) in share {
        let _ = schema.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::TransformerDropout;
    use serde_json::{Value, from_value, json, to_value};

    fn read(value: Value) -> TransformerDropout {
        from_value(value).unwrap()
    }

    #[test]
    fn one_share_is_that_of_all_places() {
        assert_eq!(read(json!(0.1)), TransformerDropout::everywhere(0.1));
        assert_eq!(read(json!("10%")), TransformerDropout::everywhere(0.1));
        let by_place = read(json!({ "hidden": 0.1, "residual": "20%" }));
        assert_eq!((by_place.hidden, by_place.residual), (0.1, 0.2));
        assert_eq!((by_place.embedding, by_place.attention), (0.0, 0.0));
        assert!(from_value::<TransformerDropout>(json!({ "head": 0.1 })).is_err());
    }

    #[test]
    fn both_ways_to_write_it_are_one_configuration() {
        let all = json!({ "embedding": 0.1, "attention": 0.1, "residual": 0.1, "hidden": 0.1 });
        assert_eq!(to_value(read(all)).unwrap(), json!(0.1));
        let some = json!({ "hidden": 0.1 });
        assert_eq!(to_value(read(some.clone())).unwrap(), some);
        assert!(read(json!({})).is_none() && !read(some).is_none());
    }
}
