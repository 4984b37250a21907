// Package quality estimates how a call sounds from what a receiver can measure:
// the transmission rating factor R of the E-model (ITU-T G.107) and the mean
// opinion score that follows from it (G.107 Annex B), with the equipment
// impairment of G.711 (ITU-T G.113 Appendix I). It finds the bursts and gaps of
// loss that RFC 3611 defines, reads and writes that RFC's VoIP metrics block, and
// has one struct, Call, for all that is known of a call's sound.
//
// All parameters that a telephone cannot measure (loudness, noise, echo) stand
// at the defaults of G.107, with echo taken as perfectly cancelled. The package
// is pure arithmetic: it never listens to samples. All functions may be called
// from any goroutine.
package quality
