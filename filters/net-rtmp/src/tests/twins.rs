//! Players on other reactors: all that holds at home holds there, and what is only so there.

use weir_plugin::ReactorId;

use super::*;

const URL: &str = "rtmp://127.0.0.1/live";

/// Worlds with this many reactors, where players are spread from the first on.
pub(super) fn on_reactors<T>(reactors: u32, f: impl FnOnce() -> T) -> T {
    REACTORS.set(reactors);
    let value = f();
    REACTORS.set(1);
    value
}

/// Each builds a world of its own; on three reactors most players in it are away.
#[test]
fn what_holds_at_home_holds_elsewhere() {
    let tests: &[fn()] = &[
        play::a_player_in_the_middle_gets_all_it_needs_at_once_and_in_order,
        play::start_live_has_sound_at_once_and_pictures_from_the_next_key_frame,
        play::start_next_begins_with_the_next_key_frame,
        play::players_who_come_first_wait_and_get_everything_at_its_time,
        play::the_stream_runs_without_players_and_they_come_and_go,
        play::outputs_on_one_address_are_told_apart_and_the_better_fit_wins,
        play::a_pause_costs_nothing_and_ends_with_the_newest_key_frame,
        play::after_a_short_pause_time_does_not_go_back,
        play::sound_and_pictures_can_be_turned_off_and_stay_off_through_a_pause,
        play::a_connection_can_stop_and_play_again,
        play::a_second_message_stream_plays_under_its_own_number,
        play::a_seek_is_refused_and_the_stream_goes_on,
        play::clients_may_say_everything_at_once,
        end::the_end_is_told_flushed_and_closed,
        end::without_players_the_end_takes_no_time,
        end::the_last_report_has_the_last_counts,
        end::late_players_are_cut_off_at_the_deadline,
        end::refused_connections_do_not_hold_up_the_end,
        end::a_paused_player_is_told_too,
        end::an_ending_stream_takes_no_new_players,
        end::a_filter_that_fails_ends_its_players_only,
        end::who_is_blocked_when_a_filter_fails_goes_in_time,
        slow::who_never_reads_goes_after_the_stall_time_and_nobody_notices,
        slow::who_trickles_goes_too,
        slow::who_breaks_off_in_the_middle_of_a_message_disturbs_nobody,
        slow::short_writes_lose_and_repeat_nothing,
        slow::the_same_on_another_message_stream,
        slow::a_stream_that_pauses_makes_nobody_look_stalled,
        slow::who_had_everything_and_then_takes_nothing_goes_too,
        slow::a_whole_message_is_a_sign_of_life,
        slow::who_comes_back_after_a_long_time_gets_headers_and_a_key_frame,
        slow::a_thin_link_loses_pictures_not_sound_and_never_shows_a_broken_one,
        slow::a_paused_player_does_not_stall,
        refuse::a_path_is_served_once,
        refuse::limits_of_the_address_are_those_of_its_first_output,
        refuse::an_unknown_app_gets_its_error_and_then_the_end,
        refuse::an_unknown_app_is_closed_at_once_when_the_client_closes,
        refuse::a_refused_client_that_reads_nothing_is_closed_all_the_same,
        refuse::an_unknown_name_can_be_followed_by_a_better_one,
        refuse::who_is_refused_and_says_no_more_is_closed,
        refuse::keys_cannot_be_tried_for_long,
        refuse::who_plays_and_asks_for_too_much_is_told_the_end_of_what_it_plays,
        refuse::a_key_may_come_with_the_name_the_app_or_the_url,
        refuse::only_allowed_addresses_play,
        refuse::publishers_are_turned_down,
        refuse::harmful_paths_are_unknown,
    ];
    on_reactors(3, || tests.iter().for_each(|test| test()));
}

#[test]
fn players_are_spread_and_each_gets_everything() {
    let mut world = on_reactors(4, || World::new(&[URL]));
    let viewers: Vec<usize> = (0..12).map(|_| world.join(URL)).collect();
    world.settle();
    let mut feed = Feed::new(25);
    world.play(&mut feed, 60);
    let on = |reactor| world.net.open_on(ReactorId(reactor));
    assert_eq!([0, 1, 2, 3].map(on), [3; 4]);
    for viewer in &viewers {
        assert_eq!(decoded(&world.viewers[*viewer], 1, false).len(), 3 + 60 * 3);
    }
    world.pass(Duration::from_secs(1));
    let bytes: usize = viewers.iter().map(|v| world.viewers[*v].bytes.len()).sum();
    let record = world.record(0);
    assert_eq!((record.players, record.players_total), (12, 12));
    // What the handshake and answers take is not media.
    assert!((bytes as u64 - record.bytes) < 12 * 4096, "{bytes} {}", record.bytes);
    for viewer in viewers {
        world.leave(viewer);
    }
    world.pass(Duration::from_secs(1));
    assert_eq!((world.record(0).players, world.service.clients.away()), (0, 0));
    world.check();
}

/// Home alone keeps the first: another thread is not woken for a few.
#[test]
fn a_few_stay_at_home() {
    let mut world = World::with_net(SimNet::new(7).with_reactors(2), &[URL]);
    for _ in 0..40 {
        world.join(URL);
    }
    world.settle();
    assert_eq!([0, 1].map(|reactor| world.net.open_on(ReactorId(reactor))), [32, 8]);
}

/// A reactor that does not come for its mail gets the ring anew when it does; its players lose pictures up to a key frame at
/// most, and those at home nothing.
#[test]
fn a_reactor_that_is_late_loses_its_own() {
    let mut world = on_reactors(2, || World::new(&[URL]));
    let viewers = [world.join(URL), world.join(URL)];
    world.settle();
    let away =
        *viewers.iter().find(|v| world.net.reactor_of(world.viewers[**v].conn) == Some(ReactorId(1))).expect("one");
    let mut feed = Feed::new(25);
    world.play(&mut feed, 30);
    world.net.mail_room = 0;
    world.play(&mut feed, 40);
    let heard = decoded(&world.viewers[away], 1, false).len();
    assert_eq!(heard, 3 + 30 * 3, "it is told nothing");
    world.net.mail_room = usize::MAX;
    world.play(&mut feed, 40);
    let got = viewers.map(|v| (v == away, decoded(&world.viewers[v], 1, false)));
    for (is_away, got) in got {
        let sounds = got.iter().filter(|what| matches!(what, What::Audio(_))).count();
        assert_eq!(sounds, 110 * 2, "the ring still had all sound");
        // Pictures that are a second late are left out up to the next key frame.
        assert_eq!(got.len() - sounds < 2 + 110, is_away);
        assert_eq!(got.last(), Some(&What::Audio(109)));
    }
    world.check();
}

/// The end is told even when there was no room for it at first.
#[test]
fn the_end_arrives_late_and_arrives() {
    let mut world = on_reactors(2, || World::new(&[URL]));
    let viewers = [world.join(URL), world.join(URL)];
    world.settle();
    let mut feed = Feed::new(25);
    world.play(&mut feed, 10);
    world.net.mail_room = 0;
    world.finish(0);
    world.settle();
    assert_eq!(viewers.map(|v| world.viewers[v].has_ended()).iter().filter(|ended| **ended).count(), 1);
    world.net.mail_room = usize::MAX;
    world.pass(Duration::from_secs(1));
    assert!(viewers.iter().all(|v| world.viewers[*v].has_ended()));
    viewers.iter().for_each(|v| world.leave(*v));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.results[0], Ok(true));
}

#[test]
fn those_who_are_away_count_for_the_limits() {
    let output = "rtmp://127.0.0.1/live maxconn=3";
    let mut world = on_reactors(2, || World::new(&[output]));
    let viewers = [0; 3].map(|_| world.join(URL));
    world.settle();
    assert_eq!(world.service.clients.away(), 2);
    assert!(world.connect(WIDE).is_none());
    world.leave(viewers[2]);
    assert!(world.connect(WIDE).is_some());
}

/// A reactor without players of a stream is not woken for it.
#[test]
fn who_watches_nothing_is_told_nothing() {
    let mut world = on_reactors(2, || World::new(&[URL]));
    let viewers = [world.join(URL), world.join(URL)];
    world.settle();
    viewers.iter().for_each(|v| world.leave(*v));
    world.pass(Duration::from_secs(2));
    // Nobody there may be told anything: every message would be refused and kept.
    world.net.mail_room = 0;
    world.play(&mut Feed::new(25), 50);
    world.net.mail_room = usize::MAX;
    let viewers = [world.join(URL), world.join(URL)];
    world.settle();
    for viewer in viewers {
        assert_eq!(
            decoded(&world.viewers[viewer], 1, false).len(),
            3 + 50 * 3 - 25 * 3,
            "from the newest key frame on"
        );
    }
}
