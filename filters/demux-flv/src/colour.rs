//! What a metadata packet says of colour (E-RTMP v2, metadata frame). High dynamic range is passed on unread.

use weir_amf::Limits;
use weir_codec::Colour;
use weir_flv::ScriptData;
use weir_media::{Bytes, Props};

/// The property, of a name of its own, that holds the whole metadata for a muxer of the same format.
const WHOLE: &str = "FlvColorInfo";
/// Longest metadata kept, bytes.
const MAX_LEN: usize = 4096;
/// Index of H.273 for what is not specified.
const UNSPECIFIED: u8 = 2;

/// Colour metadata of a track.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ColorInfo {
    whole: Bytes,
    colour: Option<Colour>,
}

impl ColorInfo {
    /// Reads the data of a metadata packet; `None` when it is something else, or says nothing.
    pub(crate) fn read(data: &Bytes) -> Option<Self> {
        let script = ScriptData::parse(data, Limits::SCRIPT).ok().filter(|script| script.name == "colorInfo")?;
        let info = script.values.first().filter(|_| data.len() <= MAX_LEN)?;
        let config = info.get("colorConfig");
        let index = |name: &str| config?.get(name)?.as_u32().and_then(|index| u8::try_from(index).ok());
        let (primaries, transfer) = (index("colorPrimaries"), index("transferCharacteristics"));
        let matrix = index("matrixCoefficients");
        let said = primaries.or(transfer).or(matrix).is_some();
        let or_not = |index: Option<u8>| index.unwrap_or(UNSPECIFIED);
        let colour = Colour {
            primaries: or_not(primaries),
            transfer: or_not(transfer),
            matrix: or_not(matrix),
            full_range: false,
        };
        let is_more = ["hdrCll", "hdrMdcv"].iter().any(|name| info.get(name).is_some());
        let whole = Bytes::copy_from_slice(data);
        (said || is_more).then_some(Self { whole, colour: said.then_some(colour) })
    }

    /// Adds it to the properties of the track.
    pub(crate) fn complete(&self, props: &mut Props) {
        if let Some(colour) = self.colour {
            let full_range = Colour::of(props).is_some_and(|own| own.full_range);
            Colour { full_range, ..colour }.set(props);
        }
        props.set_free(WHOLE, Some(self.whole.clone().into()));
    }
}
