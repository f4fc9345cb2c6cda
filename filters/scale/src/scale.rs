//! The filter `scale` itself: one picture in, one out, of the size that was asked for.

use weir_media::{Packet, Payload, Prop, Props};
use weir_plugin::{Ctx, Error, ErrorKind, Filter, OneToOne, OutId, Result, Status};

use crate::picture::{Maker, Matrix};
use crate::settings::Settings;
use crate::shape::Shape;

/// Pictures taken in one call of `process`; a large one takes some milliseconds.
const PICTURES_PER_CALL: usize = 2;

/// Longest side of a picture that is read: what is made on the way has one side of it and one of the output.
const MAX_SIDE: u32 = 16_384;

/// Lines from which colours are taken to be BT.709 when nothing is said.
const HD_LINES: u32 = 720;

/// matrix_coefficients of BT.709 (H.273, table 4).
const BT709: u32 = 1;

/// The running filter.
pub(crate) struct Scale {
    settings: Settings,
    maker: Maker,
    input: Props,
    shape: Option<Shape>,
    output: Option<(OutId, Props)>,
}

impl Scale {
    pub(crate) fn new(settings: Settings) -> Self {
        let maker = Maker::new(&settings);
        Self { settings, maker, input: Props::new(), shape: None, output: None }
    }

    /// Gets ready for pictures of this size, and says what comes of them.
    fn set_size(&mut self, ctx: &mut Ctx<'_>, (width, height): (u32, u32)) -> Result<Shape> {
        if width == 0 || height == 0 || width.max(height) > MAX_SIDE {
            return Err(Error::unsupported(format!("pictures of {width}x{height} cannot be scaled")));
        }
        let shape = Shape::new(&self.settings, (width, height), self.input.frac(Prop::Sar));
        if self.shape != Some(shape) || self.output.is_none() {
            self.shape = Some(shape);
            let props = output_props(&self.input, &shape);
            ctx.publish(&mut self.output, props);
        }
        Ok(shape)
    }

    fn matrix(&self, lines: u32) -> Matrix {
        let said = self.input.u32(Prop::ColorMatrix).map(|m| m == BT709);
        Matrix { is_709: said.unwrap_or(lines >= HD_LINES), full_range: self.input.flag(Prop::ColorFullRange) }
    }
}

impl Filter for Scale {
    fn process(&mut self, ctx: &mut Ctx<'_>) -> Result<Status> {
        self.work(ctx, PICTURES_PER_CALL)
    }
}

impl OneToOne for Scale {
    fn out(&self) -> Option<OutId> {
        self.output.as_ref().map(|(out, _)| *out)
    }

    /// The output follows at once when the size is known, else with the first picture.
    fn props(&mut self, ctx: &mut Ctx<'_>, props: Props) -> Result<()> {
        let size = props.u32(Prop::Width).zip(props.u32(Prop::Height));
        self.input = props;
        self.shape = None;
        size.map_or(Ok(()), |size| self.set_size(ctx, size).map(|_| ()))
    }

    fn packet(&mut self, ctx: &mut Ctx<'_>, mut packet: Packet) -> Result<()> {
        let Some(frame) = packet.frame() else {
            return Err(Error::bad_input("a raw picture comes as bytes, not as a frame"));
        };
        let shape = self.set_size(ctx, (frame.width(), frame.height()))?;
        if !shape.is_same() {
            let matrix = self.matrix(frame.height());
            let failed = |why| Error::new(ErrorKind::Internal, format!("scaling failed: {why}"));
            packet.data = Payload::Frame(self.maker.make(frame, &shape, matrix).map_err(failed)?);
        }
        if let Some((out, _)) = self.output {
            ctx.send(out, packet);
        }
        Ok(())
    }
}

fn output_props(input: &Props, shape: &Shape) -> Props {
    let props = input.clone().with(Prop::Width, shape.to.0).with(Prop::Height, shape.to.1);
    // What says nothing about its samples goes on saying nothing, as long as they are square.
    let is_square = shape.sar.num == i64::from(shape.sar.den);
    if is_square && input.get(Prop::Sar).is_none() { props } else { props.with(Prop::Sar, shape.sar) }
}
