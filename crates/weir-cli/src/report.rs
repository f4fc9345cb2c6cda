//! `-r`: the session on the whole screen: a row per output, what the selected one says, and the end of the log. It shows what
//! the API shows, and asks for what the API can ask for.
//!
//! Drawn by the main thread from the board, so that a slow terminal stalls nobody. Everything fits 80 columns and is said in
//! words; colours are left out when `NO_COLOR` is set.

use std::io::{self, Stderr, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use ratatui::{Frame, Terminal};
use weir::status::units::{bitrate, clock, size};
use weir::status::{Board, LogLine, OutputStatus, Phase, Status};
use weir::{Control, Order, What};

use crate::options::Options;

/// How often the keyboard and the board are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Lines of the log that are looked through for those to show.
const LOG_LINES: usize = 100;
const KEYS: &str = "q quit   r retry now   s pause, start   e end for good   up, down select";

/// Whether the screen is ours, and has to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Gives the screen back, if it was taken. May be called from any thread, and again.
pub(crate) fn give_back() {
    if TAKEN.swap(false, Ordering::Relaxed) {
        // On the way out nothing can be done about either.
        let _ = execute!(stderr(), LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// The whole screen, to the end of the session.
pub(crate) fn show(board: &Board, control: &Control, options: &Options) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Relaxed);
    let shown = execute!(stderr(), EnterAlternateScreen).and_then(|()| follow(board, control, options));
    give_back();
    shown
}

fn follow(board: &Board, control: &Control, options: &Options) -> io::Result<()> {
    let mut terminal: Terminal<CrosstermBackend<Stderr>> = Terminal::new(CrosstermBackend::new(stderr()))?;
    let mut view = View { color: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()), ..View::default() };
    while !board.is_over() {
        let status = board.status();
        let shown = |l: &LogLine| options.logs.shows(&l.topic, level(&l.level));
        let log: Vec<LogLine> = board.log(0, LOG_LINES).into_iter().filter(shown).collect();
        view.hear();
        terminal.draw(|frame| view.draw(frame, &status, &log))?;
        if event::poll(LOOK)?
            && let Event::Key(key) = event::read()?
        {
            view.key(key, &status, control);
        }
    }
    Ok(())
}

fn level(name: &str) -> weir::plugin::Level {
    use weir::plugin::Level;
    match name {
        "error" => Level::Error,
        "warning" => Level::Warning,
        "info" => Level::Info,
        _ => Level::Debug,
    }
}

/// What the user has chosen, and was answered.
#[derive(Default)]
struct View {
    color: bool,
    selected: usize,
    said: String,
    answer: Option<Receiver<Result<(), String>>>,
    /// It was asked to stop once.
    stopping: bool,
}

impl View {
    /// Takes the answer to what was asked, when it is there.
    fn hear(&mut self) {
        let Some(answer) = self.answer.as_ref().and_then(|answer| answer.try_recv().ok()) else { return };
        self.answer = None;
        self.said = answer.err().unwrap_or_else(|| "done".to_owned());
    }

    fn key(&mut self, key: KeyEvent, status: &Status, control: &Control) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let outputs = all(status);
        let output = outputs.get(self.selected).copied();
        let is_quit = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, output) {
            (KeyCode::Char('q'), _) => self.quit(control),
            _ if is_quit => self.quit(control),
            (KeyCode::Up, _) => self.selected = self.selected.saturating_sub(1),
            (KeyCode::Down, _) => self.selected = (self.selected + 1).min(outputs.len().saturating_sub(1)),
            (KeyCode::Char('r'), Some(o)) => self.ask(control, o, What::Retry),
            (KeyCode::Char('s'), Some(o)) if o.phase == Phase::Paused => self.ask(control, o, What::Resume),
            (KeyCode::Char('s'), Some(o)) => self.ask(control, o, What::Pause),
            (KeyCode::Char('e'), Some(o)) => self.ask(control, o, What::End),
            _ => {}
        }
    }

    /// Once: outputs finish what they have. Twice: at once.
    fn quit(&mut self, control: &Control) {
        if std::mem::replace(&mut self.stopping, true) {
            control.abort();
        } else {
            "ending; again to end at once".clone_into(&mut self.said);
            control.stop();
        }
    }

    fn ask(&mut self, control: &Control, output: &OutputStatus, what: What) {
        let (send, answer) = channel();
        let filter = usize::try_from(output.id).unwrap_or(usize::MAX);
        // When nobody waits for the answer any more, the session is over.
        control.order(Order { filter, what }, move |outcome| drop(send.send(outcome)));
        self.answer = Some(answer);
        self.said.clear();
    }

    fn draw(&mut self, frame: &mut Frame<'_>, status: &Status, log: &[LogLine]) {
        let outputs = all(status);
        self.selected = self.selected.min(outputs.len().saturating_sub(1));
        let rows = u16::try_from(outputs.len() + 1).unwrap_or(u16::MAX);
        let parts = [
            Constraint::Length(2),
            Constraint::Max(rows),
            Constraint::Length(6),
            Constraint::Min(3),
            Constraint::Length(1),
        ];
        let [head, table, about, lines, foot] = Layout::vertical(parts).areas(frame.area());
        frame.render_widget(Paragraph::new(header(status)), head);
        self.table(frame, table, &outputs);
        if let Some(output) = outputs.get(self.selected) {
            frame.render_widget(Paragraph::new(details(output)), about);
        }
        self.log(frame, lines, log);
        let foot_text = if self.said.is_empty() { KEYS } else { &self.said };
        frame.render_widget(Paragraph::new(foot_text).style(Style::new().add_modifier(Modifier::BOLD)), foot);
    }

    fn table(&self, frame: &mut Frame<'_>, area: Rect, outputs: &[&OutputStatus]) {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let mut lines = vec![Line::styled(columns("  ", "output", "is", ["rate", "lag", "players", "left out"]), bold)];
        // The selected one stays in sight.
        let room = usize::from(area.height).saturating_sub(1).max(1);
        let first = (self.selected + 1).saturating_sub(room);
        for (n, o) in outputs.iter().enumerate().skip(first).take(room) {
            let mark = if n == self.selected { "> " } else { "  " };
            let lag = format!("{:.0} ms", o.lag_seconds * 1e3);
            let numbers = [&bitrate(o.bitrate), &lag, &o.players.to_string(), &o.drops.total.to_string()];
            let text = columns(mark, &o.name, o.phase.name(), numbers.map(String::as_str));
            let style = if n == self.selected { bold } else { Style::new() };
            lines.push(Line::styled(text, self.colored(style, mood(o.phase))));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn log(&self, frame: &mut Frame<'_>, area: Rect, log: &[LogLine]) {
        let room = usize::from(area.height);
        let line = |l: &LogLine| {
            let color = match l.level.as_str() {
                "error" => Some(Color::Red),
                "warning" => Some(Color::Yellow),
                _ => None,
            };
            let at = Span::raw(format!("{} ", clock(whole(l.at_seconds))));
            let text = format!("{}: {}: {}", l.level, l.topic, l.line.replace('\n', " "));
            Line::from(vec![at, Span::styled(text, self.colored(Style::new(), color))])
        };
        let lines: Vec<Line<'_>> = log.iter().skip(log.len().saturating_sub(room)).map(line).collect();
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn colored(&self, style: Style, color: Option<Color>) -> Style {
        match color.filter(|_| self.color) {
            Some(color) => style.fg(color),
            None => style,
        }
    }
}

/// Inputs and outputs.
fn all(status: &Status) -> Vec<&OutputStatus> {
    status.inputs.iter().chain(&status.outputs).collect()
}

fn mood(phase: Phase) -> Option<Color> {
    match phase {
        Phase::Live | Phase::Listening => Some(Color::Green),
        Phase::Failed | Phase::Stalled | Phase::Waiting => Some(Color::Red),
        Phase::Ended | Phase::Paused => None,
        _ => Some(Color::Yellow),
    }
}

fn columns(mark: &str, name: &str, phase: &str, [rate, lag, players, lost]: [&str; 4]) -> String {
    format!("{mark}{name:<20} {phase:<12} {rate:>11} {lag:>9} {players:>8} {lost:>9}")
}

fn header(status: &Status) -> Vec<Line<'static>> {
    let s = &status.session;
    let memory = s.memory_bytes.map_or_else(String::new, |bytes| format!("   memory {}", size(bytes)));
    let text = format!(
        "weir {}   {}   CPU {:.0} %{memory}   media {}   {} connections",
        s.version,
        clock(whole(s.uptime_seconds)),
        s.cpu_cores * 100.0,
        size(s.media_bytes),
        s.connections
    );
    vec![Line::styled(text, Style::new().add_modifier(Modifier::BOLD)), Line::raw("")]
}

/// All about one output.
fn details(o: &OutputStatus) -> Vec<Line<'static>> {
    let rtt = o.rtt_seconds.map_or_else(String::new, |rtt| format!(", round trip {:.1} ms", rtt * 1e3));
    let error = o
        .last_error
        .as_ref()
        .map_or_else(String::new, |e| format!("last error at {}: {}", clock(whole(e.at_seconds)), e.text));
    let lines = [
        String::new(),
        format!("{}: {}", o.name, o.url),
        format!("{}, for {}", o.words, clock(whole(o.phase_seconds))),
        format!("{} sent, {} queued, {} kept{rtt}", size(o.bytes), size(o.queue_bytes), size(o.kept_bytes)),
        format!("costs {:.1} % CPU, {} memory", o.cost.cpu_cores * 100.0, size(o.cost.memory_bytes)),
        error,
    ];
    lines.into_iter().map(Line::raw).collect()
}

/// Whole seconds; times are never negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a session")]
fn whole(seconds: f64) -> u64 {
    seconds.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;
    use weir::status::{Failure, SessionStatus};

    use super::*;

    fn status() -> Status {
        let output = |id: u64, phase: Phase| OutputStatus {
            id,
            name: format!("rtmpout#{id}"),
            url: "rtmp://live.example/app/…".into(),
            phase,
            phase_seconds: 61.0,
            words: format!("{} indeed", phase.name()),
            bitrate: 2_500_000,
            ..OutputStatus::default()
        };
        let mut outputs = vec![output(1, Phase::Live), output(2, Phase::Waiting)];
        outputs[1].last_error = Some(Failure { text: "connection refused".into(), at_seconds: 3.0 });
        let session = SessionStatus { version: "1.2.3".into(), uptime_seconds: 3_723.0, ..SessionStatus::default() };
        Status { session, outputs, ..Status::default() }
    }

    fn drawn(view: &mut View, (width, height): (u16, u16), status: &Status) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
        let line =
            LogLine { level: "warning".into(), topic: "net".into(), line: "look\nhere".into(), ..LogLine::default() };
        terminal.draw(|frame| view.draw(frame, status, &[line])).expect("memory");
        terminal.backend().buffer().clone()
    }

    fn lines(buffer: &Buffer) -> Vec<String> {
        let width = usize::from(buffer.area.width);
        let symbols: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        symbols.chunks(width).map(|row| row.concat().trim_end().to_owned()).collect()
    }

    #[test]
    fn everything_is_said_in_eighty_columns() {
        let mut view = View { selected: 1, ..View::default() };
        let is = lines(&drawn(&mut view, (80, 15), &status()));
        let wanted = [
            "weir 1.2.3   01:02:03   CPU 0 %   media 0 B   0 connections",
            "",
            "  output               is                  rate       lag  players  left out",
            "  rtmpout#1            live            2.5 Mb/s      0 ms        0         0",
            "> rtmpout#2            waiting         2.5 Mb/s      0 ms        0         0",
            "",
            "rtmpout#2: rtmp://live.example/app/…",
            "waiting indeed, for 00:01:01",
            "0 B sent, 0 B queued, 0 B kept",
            "costs 0.0 % CPU, 0 B memory",
            "last error at 00:00:03: connection refused",
            "00:00:00 warning: net: look here",
            "",
            "",
            KEYS,
        ];
        assert_eq!(is, wanted);
    }

    #[test]
    fn without_colour_there_is_none_and_with_it_nothing_else_changes() {
        let colors = |buffer: &Buffer| buffer.content.iter().filter(|cell| cell.fg != Color::Reset).count();
        let (mut plain, mut colored) = (View::default(), View { color: true, ..View::default() });
        let (plain, colored) = (drawn(&mut plain, (80, 15), &status()), drawn(&mut colored, (80, 15), &status()));
        assert_eq!(colors(&plain), 0);
        assert!(colors(&colored) > 0);
        assert_eq!(lines(&plain), lines(&colored));
    }

    #[test]
    fn any_size_and_any_number_of_outputs_can_be_drawn() {
        let mut many = status();
        many.outputs = (0..500).map(|_| many.outputs[0].clone()).collect();
        for size in [(1, 1), (3, 40), (200, 2), (80, 24)] {
            let mut view = View { selected: 499, ..View::default() };
            drawn(&mut view, size, &many);
            drawn(&mut view, size, &Status::default());
        }
        let mut view = View { selected: 300, ..View::default() };
        let is = lines(&drawn(&mut view, (80, 24), &many));
        assert_eq!(is.iter().filter(|l| l.starts_with("> ")).count(), 1, "the selected one is in sight: {is:#?}");
    }
}
