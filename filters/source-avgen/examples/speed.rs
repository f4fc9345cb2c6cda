//! How long a picture takes to draw, next to copying one: `cargo run --release --example speed -- 1280x720 500`.

use std::time::Instant;

use weir_plugin::harness::Harness;
use weir_plugin::{Create, Memory, Options, OutId, Plugin, Status};
use weir_source_avgen::Avgen;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let size = args.next().unwrap_or_else(|| "1280x720".into());
    let count: u32 = args.next().map_or(Ok(500), |n| n.parse())?;
    let mut options = Options::defaults(Avgen.options());
    for (name, value) in [("type", "v"), ("sizes", &size), ("dur", &format!("{count}/25"))] {
        options.apply(name, Some(value)).map_err(|e| e.to_string())?;
    }
    let begin = Instant::now();
    let mut harness = Harness::new(Avgen.create(Create { options, bundle: None, memory: Memory::new(1 << 31) })?);
    println!("{size}: made ready in {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);

    let mut len = 0;
    let begin = Instant::now();
    while harness.step()? != Status::Done {
        len = harness.take(OutId(0)).first().map_or(len, weir_media::Packet::len);
    }
    let draw = begin.elapsed().as_secs_f64() / f64::from(count);

    let (from, mut to) = (vec![77_u8; len], vec![0_u8; len]);
    let begin = Instant::now();
    for _ in 0..count {
        std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
    }
    let copy = begin.elapsed().as_secs_f64() / f64::from(count);
    println!("draw {:.3} ms, copy {:.3} ms, ratio {:.1}", draw * 1e3, copy * 1e3, draw / copy);
    Ok(())
}
