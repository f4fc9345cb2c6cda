//! Which chain is chosen: length, `gfreg`, priority, registration; and what no chain may do.

use weir_media::{Bundle, Cap, CodecId, Prop, StreamType};
use weir_plugin::{Kind, OptionDef, Role};

use super::kit::{Type, check_graph, declare, file, framed, raw, registry, run, ty};
use crate::{Given, Global, Graph, Rules};

/// The tree of `words` with these further types, `max_chain` if any.
fn check(more: Vec<Type>, max_chain: Option<usize>, words: &str, tree: &str) {
    let registry = registry(more);
    let rules = Rules { max_chain: max_chain.unwrap_or(Rules::default().max_chain), ..Rules::default() };
    let mut graph = Graph::with_rules(&registry, rules);
    declare(&mut graph, &registry, words);
    let unlinked = run(&mut graph);
    check_graph(&graph, &unlinked, tree);
}

fn transform(name: &'static str, caps: fn(&weir_plugin::Options) -> Vec<Bundle>) -> Type {
    Type::new(name, Role::Transform, caps)
}

/// Another demuxer of the same files.
fn second_demuxer(name: &'static str, priority: u8) -> Type {
    let caps = |_: &_| [CodecId::Avc, CodecId::Aac].map(|c| Bundle::new(file("flv"), framed(c))).into();
    Type { priority, ..transform(name, caps) }
}

const WITH_FLVDMX: &str = "
    fin (src=a.flv) (idx=1)
    -(PID 1 flv) flvdmx (dyn_idx=3)
    --(PID 1 avc) \\
    --(PID 2 aac) > flvmx (dyn_idx=4)
    ---(PID 1 flv) rtmpout (idx=2)
    ";

#[test]
fn the_first_registered_wins_among_equals() {
    check(vec![second_demuxer("zdmx", 0)], None, "fin:src=a.flv rtmpout", WITH_FLVDMX);
}

#[test]
fn a_smaller_priority_wins_before_registration() {
    check(vec![second_demuxer("zdmx", 1)], None, "fin:src=a.flv rtmpout", WITH_FLVDMX);
    let first = Type { priority: 3, ..second_demuxer("flvdmx", 0) };
    check(
        vec![first, second_demuxer("zdmx", 2)],
        None,
        "fin:src=a.flv rtmpout",
        r"
        fin (src=a.flv) (idx=1)
        -(PID 1 flv) zdmx (dyn_idx=3)
        --(PID 1 avc) \
        --(PID 2 aac) > flvmx (dyn_idx=4)
        ---(PID 1 flv) rtmpout (idx=2)
        ",
    );
}

#[test]
fn gfreg_wins_before_priority_on_either_side_but_not_before_length() {
    check(
        vec![second_demuxer("zdmx", 200)],
        None,
        "fin:src=a.flv:gfreg=zdm rtmpout",
        r"
        fin (src=a.flv gfreg=zdm) (idx=1)
        -(PID 1 flv) zdmx (dyn_idx=3)
        --(PID 1 avc) \
        --(PID 2 aac) > flvmx (dyn_idx=4)
        ---(PID 1 flv) rtmpout (idx=2)
        ",
    );
    check(
        Vec::new(),
        None,
        "cam rtmpout:gfreg=ufnalu,none",
        "
        cam (idx=1)
        -(PID 1 avc) flvmx (dyn_idx=3)
        --(PID 1 flv) rtmpout (gfreg=ufnalu,none) (idx=2)
        ",
    );
}

#[test]
fn a_chain_is_no_longer_than_the_limit() {
    let words = "cam fout:dst=x.264";
    check(
        Vec::new(),
        Some(1),
        words,
        "
        Filters not connected:
        cam (idx=1)
        fout (dst=x.264) (idx=2)
        ! cam: writegen for fout does not take a stream without Unframed
        ",
    );
    check(
        Vec::new(),
        Some(2),
        words,
        "
        cam (idx=1)
        -(PID 1 avc) ufnalu (dyn_idx=3)
        --(PID 1 avc) writegen (dyn_idx=4)
        ---(PID 1 264) fout (dst=x.264) (idx=2)
        ",
    );
}

#[test]
fn a_demuxer_begins_the_count_anew() {
    check(
        Vec::new(),
        Some(3),
        "fin:src=a.flv fout:dst=x.264",
        "
        fin (src=a.flv) (idx=1)
        -(PID 1 flv) flvdmx (dyn_idx=3)
        --(PID 1 avc) ufnalu (dyn_idx=4)
        ---(PID 1 avc) writegen (dyn_idx=5)
        ----(PID 1 264) fout (dst=x.264) (idx=2)
        ! flvdmx: writegen for fout does not take StreamType Audio
        ",
    );
}

#[test]
fn with_no_chain_everything_is_declared() {
    check(
        Vec::new(),
        Some(0),
        "fin:src=a.flv flvdmx ufnalu writegen fout:dst=x.264",
        "
        fin (src=a.flv) (idx=1)
        -(PID 1 flv) flvdmx (idx=2)
        --(PID 1 avc) ufnalu (idx=3)
        ---(PID 1 avc) writegen (idx=4)
        ----(PID 1 264) fout (dst=x.264) (idx=5)
        ! flvdmx: writegen for fout does not take StreamType Audio
        ",
    );
}

/// Caps promise more here than PIDs keep, so that the way on is looked for again behind each filter.
#[test]
fn a_type_comes_once_in_a_chain_even_when_caps_promise_what_pids_do_not_keep() {
    let picky = |_: &_| {
        let wide = Cap::is(Prop::Width, 640_u32);
        vec![Bundle::new([framed(CodecId::Vp9), vec![wide]].concat(), [])]
    };
    check(
        vec![
            transform("there", |_| vec![Bundle::new(framed(CodecId::Hevc), framed(CodecId::Vp9))]),
            transform("back", |_| vec![Bundle::new(framed(CodecId::Vp9), framed(CodecId::Hevc))]),
            Type::new("picky", Role::Sink, picky),
        ],
        None,
        "odd picky",
        "
        odd (idx=1)
        -(PID 1 hevc) there (dyn_idx=3)
        Filters not connected:
        picky (idx=2)
        ! there: picky does not take a stream without Width
        ",
    );
}

#[test]
fn pictures_never_become_sound() {
    let painter = |_: &_| vec![Bundle::new([ty(StreamType::Visual)], framed(CodecId::Aac))];
    check(
        vec![transform("painter", painter)],
        None,
        "odd rtmpout",
        "
        Filters not connected:
        odd (idx=1)
        rtmpout (idx=2)
        ! odd: flvmx for rtmpout does not take CodecID hevc
        ",
    );
    let listener = |_: &_| vec![Bundle::new(framed(CodecId::Aac), [])];
    check(
        vec![transform("painter", painter), Type::new("listener", Role::Sink, listener)],
        None,
        "odd listener",
        "
        Filters not connected:
        odd (idx=1)
        listener (idx=2)
        ! odd: listener does not take StreamType Visual
        ",
    );
}

#[test]
fn no_muxer_in_the_middle_of_a_chain() {
    let taker = |_: &_| vec![Bundle::new([framed(CodecId::Avc), vec![Cap::is(Prop::Width, 640_u32)]].concat(), [])];
    check(
        vec![Type::new("taker", Role::Sink, taker)],
        None,
        "cam taker",
        "
        cam (idx=1)
        -(PID 1 avc) ufnalu (dyn_idx=3)
        --(PID 1 avc) rfnalu (dyn_idx=4)
        Filters not connected:
        taker (idx=2)
        ! rfnalu: taker does not take a stream without Width
        ",
    );
}

#[test]
fn a_copy_is_filled_before_the_next_is_made() {
    let any = |_: &_| vec![Bundle::new([ty(StreamType::Visual)], [])];
    let pairs = Type { most_inputs: Some(2), ..Type::new("pairs", Role::Sink, any) };
    check(
        vec![pairs],
        None,
        "av:n=5 pairs null",
        r"
        av (n=5) (idx=1)
        -(PID V1 raw visual) \
        -(PID V2 raw visual) > pairs (idx=2)
        -(PID V1 raw visual) null (idx=3)
        -(PID V2 raw visual) null#2 (idx=4, copy of null)
        -(PID V3 raw visual) \
        -(PID V4 raw visual) > pairs#2 (idx=5, copy of pairs)
        -(PID V3 raw visual) null#3 (idx=6, copy of null)
        -(PID V4 raw visual) null#4 (idx=7, copy of null)
        -(PID V5 raw visual) pairs#3 (idx=8, copy of pairs)
        -(PID V5 raw visual) null#5 (idx=9, copy of null)
        -(PID A raw audio) null#6 (idx=10, copy of null)
        ",
    );
}

#[test]
fn global_options_reach_inserted_filters_below_what_they_inherit() {
    let registry = registry(Vec::new());
    let mut graph = Graph::new(&registry);
    let global = |filter: Option<&str>, name, value| Global {
        filter: filter.map(str::to_owned),
        given: Given::new(name, Some(value)),
    };
    graph.set_globals(vec![
        global(None, "ileave", "9"),
        global(Some("aacenc"), "b", "4"),
        global(Some("nobody"), "b", "4"),
        global(None, "ext", "264"),
        global(None, "none", "1"),
    ]);
    declare(&mut graph, &registry, "av rtmpout fout:dst=b.flv:ileave=3");
    run(&mut graph);
    let value = |filter: &str, option: &str| {
        let (_, node) = graph.nodes().find(|(_, n)| n.name == filter).expect("inserted");
        node.options.int(option)
    };
    assert_eq!((value("flvmx", "ileave"), value("flvmx#2", "ileave")), (Some(9), Some(3)));
    assert_eq!((value("aacenc", "b"), value("avcenc", "b")), (Some(4), Some(1)));
    let unused: Vec<_> = graph.unused();
    assert_eq!(unused, [crate::Unused::Global(2), crate::Unused::Global(3), crate::Unused::Global(4)]);
}

/// What only `lift` makes of raw pictures.
fn lifted() -> Vec<Cap> {
    [raw(StreamType::Visual), vec![Cap::is(Prop::Unframed, true)]].concat()
}

#[test]
fn no_chain_begins_to_a_filter_that_may_have_no_copy_and_has_its_stream() {
    let lift = |_: &_| {
        let floor = [raw(StreamType::Visual), vec![Cap::not(Prop::Unframed, true)]].concat();
        vec![Bundle::new(floor, lifted())]
    };
    let upper = |_: &_| vec![Bundle::new(lifted(), framed(CodecId::Avc))];
    let more = vec![transform("lift", lift), Type { explicit: true, ..transform("upper", upper) }];
    check(
        more,
        None,
        "av:n=2 upper:clone=0 null",
        r"
            av (n=2) (idx=1)
            -(PID V1 raw visual) lift (dyn_idx=4)
            --(PID V1 raw visual) upper (idx=2)
            ---(PID V1 avc) null#3 (idx=6, copy of null)
            -(PID V2 raw visual) null (idx=3)
            -(PID A raw audio) null#2 (idx=5, copy of null)
        ",
    );
}

/// A filter that changes the sample rate, an encoder that takes two, and sources of 11, 16 and 16 to 8 Hz.
fn adapting() -> Vec<Type> {
    const RATE: &[OptionDef] = &[OptionDef::new("osr", Kind::Int { min: 1, max: 99 }, "", "Rate")];
    fn at(rates: &[u32]) -> Vec<Cap> {
        let rates = rates.iter().map(|r| Cap::is(Prop::SampleRate, *r));
        raw(StreamType::Audio).into_iter().chain(rates).collect()
    }
    let change = |_: &_| vec![Bundle::new(at(&[]), at(&[])).adapting([Prop::SampleRate])];
    vec![
        transform("resample", change).options(RATE),
        Type::new("enc", Role::Encoder, |_| vec![Bundle::new(at(&[8, 16]), framed(CodecId::Aac))]),
        Type::new("mic11", Role::Source, |_| vec![Bundle::new([], at(&[11]))]),
        Type::new("mic16", Role::Source, |_| vec![Bundle::new([], at(&[16]))]),
    ]
}

#[test]
fn what_adapts_a_stream_is_inserted_where_only_that_keeps_it_from_a_filter() {
    check(
        adapting(),
        None,
        "mic16 enc null",
        "
        mic16 (idx=1)
        -(PID 1 raw audio) enc (idx=2)
        --(PID 1 aac) null (idx=3)
        ",
    );
    check(
        adapting(),
        None,
        "mic11 enc @1 enc null",
        "
        mic11 (idx=1)
        -(PID 1 raw audio) resample (dyn_idx=5)
        --(PID 1 raw audio) enc (idx=2)
        ---(PID 1 aac) null (idx=4)
        --(PID 1 raw audio) enc#2 (idx=3)
        ---(PID 1 aac) null#2 (idx=6, copy of null)
        ",
    );
}

#[test]
fn what_adapts_a_stream_is_inserted_where_arguments_ask_for_it() {
    check(
        adapting(),
        None,
        "mic16 enc:osr=8 null",
        "
        mic16 (idx=1)
        -(PID 1 raw audio) resample (osr=8) (dyn_idx=4)
        --(PID 1 raw audio) enc (osr=8) (idx=2)
        ---(PID 1 aac) null (idx=3)
        ",
    );
    let registry = registry(adapting());
    let mut graph = Graph::new(&registry);
    declare(&mut graph, &registry, "mic16 enc:osr=8:osb=1 null");
    run(&mut graph);
    assert_eq!(graph.unused(), [crate::Unused::Arg(crate::NodeId::new(1), 1)], "and only what it knows");
}
