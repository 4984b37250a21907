// Package replay runs the playout engine of media/jitter over a recorded packet
// trace and speech, so that what a listener would have heard can be measured.
//
// It is the engine of `softphone replay`: it reads a trace, codes the speech,
// delivers the packets when the trace says, pulls 10 ms at a time and returns
// the sound with a report. It is deterministic and knows no clock, file or
// socket: an hour of trace takes seconds.
package replay
