package media

import (
	"net/netip"
	"time"

	"github.com/softphone-go/softphone/media/quality"
	"github.com/softphone-go/softphone/media/srtp"
)

// Stats is a Session's account of itself. Counts run from NewSession and never
// go down. Bytes are RTP payload octets, as in a sender report (RFC 3550 §6.4.1).
type Stats struct {
	PacketsSent uint64 // RTP packets
	BytesSent   uint64
	SendErrors  uint64 // RTP and RTCP packets that the operating system refused, or that could not be protected
	FramesLate  uint64 // frames of 10 ms never sent since ticks came too late

	PacketsReceived  uint64 // valid RTP packets from the right source, doubles too
	BytesReceived    uint64
	PacketsLost      uint64 // never arrived (RFC 3550 A.3)
	PacketsLate      uint64 // arrived after their turn
	PacketsDuplicate uint64
	PacketsReordered uint64 // arrived after a later one

	WrongSource uint64 // packets from elsewhere than the latched source; ignored
	Malformed   uint64 // neither RTP nor RTCP, or truncated; ignored
	Unmapped    uint64 // packets of a payload type that was not agreed; not heard
	Early       uint64 // packets more than a moment before the first Apply; ignored
	Overflows   uint64 // packets dropped since the tick did not come in time
	Looped      uint64 // own packets that came back (RFC 3550 §8.2)
	Collisions  uint64 // times the peer had our SSRC and we changed ours

	Encryption      srtp.Suite // in force; 0: in the clear
	Unauthenticated uint64     // packets that did not prove the key: forged, or not encrypted at all; ignored
	Replayed        uint64     // packets under SRTP that came a second time or far too late; ignored

	ReadErrors uint64 // errors while receiving that the operating system told

	RTCPSent     uint64 // compound packets
	RTCPReceived uint64

	Jitter time.Duration // interarrival jitter, now (RFC 3550 A.8)
	RTT    time.Duration // round trip of the last report, 0: not yet known
	MaxRTT time.Duration

	RemoteLost         int64         // packets of ours that the peer missed
	RemoteFractionLost float64       // of the last report, 0 to 1
	RemoteJitter       time.Duration // as the peer measured it
	RemoteJitterMax    time.Duration // the most it reported

	Concealed      time.Duration // made up in place of missing sound
	Stretched      time.Duration // inserted to raise the playout delay
	Compressed     time.Duration // removed to lower it
	PlayoutDelay   time.Duration // mean, from arrival to the first sample played
	PlayoutDelay95 time.Duration // 95th percentile of the same
	PlayoutTarget  time.Duration // what the playout delay is steered towards

	DigitsSent     uint64
	DigitsReceived uint64

	SSRC         uint32
	RemoteSSRC   uint32         // 0 before the first packet
	Remote       netip.AddrPort // where RTP goes: latched, else as described
	Latched      bool           // Remote was learned from a packet
	LastReceived time.Time      // of the last valid RTP packet; zero: none
	RemoteBye    bool           // the peer ended its stream with an RTCP BYE

	// Quality is how the sound is, here and there, with loss, bursts, delays,
	// levels and scores. The counts above are the raw material.
	Quality quality.Call

	R   float64 // Quality.Local.R: conversational, 0 to 100; 0: nothing heard yet
	MOS float64 // Quality.Local.MOSCQ, 1.0 to 4.5; 0: nothing heard yet
}
