//! Transport packets: tables and PES packets cut into pieces of 188 bytes, each PID with its counter.

use std::collections::BTreeMap;

use mpeg2ts::es::{StreamId, StreamType};
use mpeg2ts::pes::PesHeader;
use mpeg2ts::time::{ClockReference, Timestamp};
use mpeg2ts::ts::payload::{Bytes as Payload, Pat, Pes, Pmt};
use mpeg2ts::ts::{
    AdaptationField, ContinuityCounter, EsInfo, Pid, ProgramAssociation, TransportScramblingControl, TsHeader,
    TsPacket, TsPacketWriter, TsPayload, VersionNumber, WriteTsPacket,
};

/// Bytes behind the header of a packet.
const ROOM: usize = TsPacket::SIZE - 4;
/// A PES header with a presentation time; a decoding time adds [`TIME`] (ISO/IEC 13818-1 2.4.3.6).
const PES_HEADER: usize = 14;
const TIME: usize = 5;
/// An adaptation field with flags only, and with a clock reference.
const FLAGS: usize = 2;
const PCR: usize = 8;
/// Longest PES packet whose length is told, behind the six bytes that tell it.
const PES_LENGTH_MAX: usize = 0xffff;

/// What kind of stream it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// Pictures in Annex B.
    Avc,
    /// Sound in ADTS.
    Aac,
}

/// A PES packet to be.
pub(crate) struct Unit<'a> {
    pub(crate) pid: u16,
    pub(crate) medium: Medium,
    /// In units of 90 kHz; they wrap.
    pub(crate) pts: i64,
    pub(crate) dts: i64,
    /// The clock at its first byte, when it is to be told: in units of 90 kHz.
    pub(crate) pcr: Option<i64>,
    pub(crate) is_key: bool,
    pub(crate) data: &'a [u8],
}

/// Writes transport packets one after the other.
#[derive(Debug)]
pub(crate) struct Packets {
    counters: BTreeMap<u16, ContinuityCounter>,
    writer: TsPacketWriter<Vec<u8>>,
}

type Result<T> = std::result::Result<T, mpeg2ts::Error>;

/// A time of the stream: 33 bits, wrapping.
fn wrapped(time: i64) -> u64 {
    time.cast_unsigned() & Timestamp::MAX
}

impl Packets {
    pub(crate) fn new() -> Self {
        Self { counters: BTreeMap::new(), writer: TsPacketWriter::new(Vec::new()) }
    }

    /// What was written since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let writer = std::mem::replace(&mut self.writer, TsPacketWriter::new(Vec::new()));
        writer.into_stream()
    }

    /// The tables of a stream with one programme.
    pub(crate) fn tables(&mut self, program: u16, map_pid: u16, pcr_pid: u16, streams: &[(u16, Medium)]) -> Result<()> {
        let table = vec![ProgramAssociation { program_num: program, program_map_pid: Pid::new(map_pid)? }];
        let pat = Pat { transport_stream_id: 1, version_number: VersionNumber::new(), table };
        self.packet(Pid::PAT, None, Some(TsPayload::Pat(pat)))?;
        let info = |(pid, medium): &(u16, Medium)| {
            let stream_type = if *medium == Medium::Avc { StreamType::H264 } else { StreamType::AdtsAac };
            Ok(EsInfo { stream_type, elementary_pid: Pid::new(*pid)?, descriptors: Vec::new() })
        };
        let pmt = Pmt {
            program_num: program,
            pcr_pid: Some(Pid::new(pcr_pid)?),
            version_number: VersionNumber::new(),
            program_info: Vec::new(),
            es_info: streams.iter().map(info).collect::<Result<_>>()?,
        };
        self.packet(map_pid, None, Some(TsPayload::Pmt(pmt)))
    }

    /// A clock reference by itself.
    pub(crate) fn clock(&mut self, pid: u16, pcr: i64) -> Result<()> {
        self.packet(pid, Some(adaptation(false, Some(pcr))?), None)
    }

    /// A PES packet.
    pub(crate) fn unit(&mut self, unit: &Unit<'_>) -> Result<()> {
        let has_dts = unit.dts != unit.pts;
        let head = PES_HEADER + if has_dts { TIME } else { 0 };
        let stream_id = match unit.medium {
            Medium::Avc => StreamId::new_video(StreamId::VIDEO_MIN)?,
            Medium::Aac => StreamId::new_audio(StreamId::AUDIO_MIN)?,
        };
        let header = PesHeader {
            stream_id,
            priority: false,
            data_alignment_indicator: true,
            copyright: false,
            original_or_copy: false,
            pts: Some(Timestamp::new(wrapped(unit.pts))?),
            dts: if has_dts { Some(Timestamp::new(wrapped(unit.dts))?) } else { None },
            escr: None,
        };
        // The length is that of what follows it. Of pictures it need not be told.
        let length = unit.data.len() + head - 6;
        let told = unit.medium == Medium::Aac && length <= PES_LENGTH_MAX;
        let pes_packet_len = if told { u16::try_from(length).unwrap_or(0) } else { 0 };
        let field = match (unit.pcr, unit.is_key) {
            (None, false) => None,
            (pcr, is_key) => Some(adaptation(is_key, pcr)?),
        };
        let taken = if unit.pcr.is_some() {
            PCR
        } else if field.is_some() {
            FLAGS
        } else {
            0
        };
        let (first, mut rest) = unit.data.split_at(unit.data.len().min(ROOM - head - taken));
        let pes = Pes { header, pes_packet_len, data: Payload::new(first)? };
        self.packet(unit.pid, field, Some(TsPayload::PesStart(pes)))?;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(rest.len().min(ROOM));
            self.packet(unit.pid, None, Some(TsPayload::PesContinuation(Payload::new(piece)?)))?;
            rest = tail;
        }
        Ok(())
    }

    fn packet(
        &mut self,
        pid: u16,
        adaptation_field: Option<AdaptationField>,
        payload: Option<TsPayload>,
    ) -> Result<()> {
        let counter = self.counters.entry(pid).or_insert_with(|| {
            // The first packet has 0.
            ContinuityCounter::from_u8(ContinuityCounter::MAX).unwrap_or_default()
        });
        // Packets without a payload do not count (2.4.3.3).
        if payload.is_some() {
            counter.increment();
        }
        let header = TsHeader {
            transport_error_indicator: false,
            transport_priority: false,
            pid: Pid::new(pid)?,
            transport_scrambling_control: TransportScramblingControl::NotScrambled,
            continuity_counter: *counter,
        };
        self.writer.write_ts_packet(&TsPacket { header, adaptation_field, payload })
    }
}

fn adaptation(is_key: bool, pcr: Option<i64>) -> Result<AdaptationField> {
    let clock = |time| ClockReference::new(wrapped(time) * 300);
    Ok(AdaptationField {
        discontinuity_indicator: false,
        random_access_indicator: is_key,
        es_priority_indicator: false,
        pcr: pcr.map(clock).transpose()?,
        opcr: None,
        splice_countdown: None,
        transport_private_data: Vec::new(),
        extension: None,
    })
}
