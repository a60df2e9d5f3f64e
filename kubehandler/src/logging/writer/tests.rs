use std::sync::mpsc;

use super::*;
use crate::logging::Format;

const PATIENT: Duration = Duration::from_secs(60);

fn start(destination: impl Write + Send + 'static) -> Writer {
    Writer::start(destination, Escapes::new(Format::Text, false))
}

/// Gives each piece that is written to the test.
struct Pieces(mpsc::Sender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits in each write until the test says how it ends.
struct Stuck(mpsc::Receiver<io::Result<usize>>, mpsc::Sender<Vec<u8>>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.1.send(bytes.to_vec());
        let length = self.0.recv().unwrap_or(Ok(bytes.len()))?;
        Ok(length.min(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stuck() -> (
    Writer,
    mpsc::Sender<io::Result<usize>>,
    mpsc::Receiver<Vec<u8>>,
) {
    let (release, released) = mpsc::channel();
    let (send, written) = mpsc::channel();
    (start(Stuck(released, send)), release, written)
}

#[test]
fn lines_are_written_in_their_order_before_a_flush_is_over() {
    let (send, pieces) = mpsc::channel();
    let writer = start(Pieces(send));

    for number in 0..10_000 {
        writer.put(format!("line {number}\n").as_bytes());
    }
    assert!(writer.flush());

    let text: Vec<u8> = pieces.try_iter().flatten().collect();
    let text = String::from_utf8(text).expect("text");
    let lines: Vec<String> = (0..10_000)
        .map(|number| format!("line {number}\n"))
        .collect();
    let expected = lines.concat();
    assert_eq!(text, expected);
}

#[test]
fn chunks_end_with_a_line_where_they_can() {
    let long = vec![b'a'; 2 * CHUNK];

    assert_eq!(chunk(b"a\nb"), b"a\n");
    assert_eq!(chunk(b"a"), b"a");
    assert_eq!(chunk(&long).len(), CHUNK);
}

#[test]
fn log_that_nobody_reads_holds_nobody_up_and_no_more_than_fits() {
    let (writer, release, written) = stuck();
    let line = vec![b'a'; 64 * 1024];

    let began = Instant::now();
    for _ in 0..1_000 {
        writer.put(&line);
    }
    let took = began.elapsed();
    let lost = writer.shared.state().lost;

    // One wait for room, not one for each line.
    assert!(took < PATIENT, "{took:?}");
    assert!(lost > 900, "{lost}");
    assert!(writer.shared.state().waiting.len() <= CAPACITY);
    drop((release, written));
}

#[test]
fn lost_lines_are_counted_and_reported_once_the_log_goes_on() {
    let (writer, release, _written) = stuck();
    let line = vec![b'a'; CAPACITY / 2];
    for _ in 0..10 {
        writer.put(&line);
    }
    assert!(writer.shared.state().lost > 5);

    drop(release);

    assert!(writer.flush());
    assert_eq!(writer.shared.state().lost, 0, "they are reported");
}

#[test]
fn destination_that_fails_loses_its_lines_and_stops_nobody() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let writer = start(Full);

    for _ in 0..100 {
        writer.put(b"a\n");
    }

    assert!(writer.flush(), "nothing is left to be written");
    assert_eq!(writer.shared.state().lost, 100);
}

#[test]
fn line_that_was_cut_off_is_ended_before_the_next() {
    let (writer, release, written) = stuck();
    writer.put(b"first\n");
    written.recv_timeout(PATIENT).expect("it is written");
    release.send(Ok(3)).expect("it waits");
    written.recv_timeout(PATIENT).expect("the rest");
    release
        .send(Err(io::ErrorKind::StorageFull.into()))
        .expect("it waits");
    assert!(writer.flush());

    writer.put(b"second\n");

    let piece = written.recv_timeout(PATIENT).expect("it is written");
    let rest = if piece == b"\n" {
        release.send(Ok(1)).expect("it waits");
        written.recv_timeout(PATIENT).expect("the rest")
    } else {
        piece[1..].to_vec()
    };
    assert_eq!(rest, b"second\n");
}

#[test]
fn flush_waits_for_what_is_being_written_and_not_for_ever() {
    let (writer, release, written) = stuck();
    writer.put(b"last\n");
    written.recv_timeout(PATIENT).expect("it is being written");

    let before = writer.flush_within(Duration::from_millis(10));
    release.send(Ok(5)).expect("it waits");
    let after = writer.flush();

    assert!(!before, "it was not written yet");
    assert!(after);
}
