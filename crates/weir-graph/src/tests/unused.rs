//! What nothing heard, and filters that nothing came to.

use super::kit::resolved;
use crate::Unused;

/// The arguments that no filter used, as `filter.name`.
fn unused(words: &str) -> Vec<String> {
    let (graph, _) = resolved(words);
    let name = |u: Unused| match u {
        Unused::Arg(id, at) => format!("{}.{}", graph.node(id).name, graph.node(id).args[at].name),
        Unused::Global(at) => format!("--{at}"),
    };
    graph.unused().into_iter().map(name).collect()
}

#[test]
fn arguments_are_used_by_their_filter_or_by_an_inserted_one() {
    assert!(unused("av:n=1 rtmpout:ileave=3:b=2:start=key:gfreg=x").is_empty());
    assert!(unused("fin:src=a.264:fps=30 rtmpout").is_empty());
    assert!(unused("av:n=2 avcenc:c=avc:b=3 rtmpout").is_empty(), "copies count for their original");
    assert_eq!(unused("av avcenc:c=avc aacenc:c=aac rtmpout:b=2:fps=25"), ["rtmpout.b"]);
    assert_eq!(unused("cam rtmpout:nonsense=1"), ["rtmpout.nonsense"]);
    assert_eq!(unused("fin:src=a.flv rtmpout:loop=2"), ["rtmpout.loop"], "a demuxer hears no output");
}

#[test]
fn filters_that_nothing_came_to_and_why() {
    let unreached = |words: &str| {
        let (graph, _) = resolved(words);
        let say = |(id, why): (crate::NodeId, Option<String>)| {
            format!("{}: {}", graph.node(id).name, why.unwrap_or_default())
        };
        graph.unreached().into_iter().map(say).collect::<Vec<_>>()
    };
    assert!(unreached("av avcenc:c=avc aacenc:c=aac rtmpout fout:dst=b.264").is_empty());
    assert_eq!(
        unreached("odd rtmpout fout:dst=b.xyz null"),
        ["rtmpout: flvmx for rtmpout does not take CodecID hevc", "fout: no muxer makes .xyz for fout"]
    );
    assert_eq!(unreached("cam avcenc:c=avc rtmpout"), ["avcenc: avcenc does not take CodecID avc"]);
    assert_eq!(
        unreached("fin:src=a.flv avcenc:c=avc rtmpout"),
        ["avcenc: avcenc does not take CodecID avc"],
        "neither the file nor the sound is its business"
    );
    assert_eq!(unreached("null cam null"), ["null: "]);
    assert_eq!(unreached("cam flvmx rtmpout fout:dst=a.flv"), ["fout: fout does not take Delivery live"],);
}
