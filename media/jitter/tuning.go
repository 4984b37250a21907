package jitter

// What steering weighs against what. The prices are in points of the E-model's
// transmission rating (ITU-T G.107); they, and the rest, were set with PESQ on
// traces of many kinds, never on a single one.
const (
	priceDelay = 0.085 // of a ms of delay
	priceEvent = 1     // of running dry once a second
	priceGap   = 0.1   // of a ms a second of sound that has to be made up
	priceLong  = 0.004 // of its square, for each time: one long gap is worse than many short ones

	// A packet that comes too late after others that overtook it costs less, as
	// the gap is filled from both ends, unless there are many such gaps.
	priceOvertaken     = 0.3  // of one a second
	priceManyOvertaken = 0.15 // of the square of their number a second

	// forget is how much more 20 ms of sound weigh than the 20 ms before: a
	// minute ago weighs an eighth.
	forget = 1 / 0.9993

	speechOver  = 300 * perMS // excess above which speech is compressed
	hurryOver   = 450 * perMS // and above which that is done quickly
	speechUnder = 5 * perMS   // lack above which speech is stretched
	hurryUnder  = 30 * perMS
	speechLong  = 30 * perMS // and when no pause has come for long
	urgent      = 30 * perMS // speech is stretched for no more than this
	calmLong    = 100 * perMS
	calmShort   = 30 * perMS

	// What a packet that came late was to fill is left out if it is no longer than
	// leaveMost and this much sound is there behind it.
	leaveMost  = 120 * perMS
	leaveSpare = 50 * perMS

	hyst   = 3 * perMS // the delay falls only if it stays this far above the target
	margin = 1 * perMS // added to what the statistics ask for

	priorMass  = 0.5 // of the target configured, as events,
	priorTime  = 500 // in this time, ms
	pauseLeast = 400 // samples of silence that make a pause
	quietLevel = 60  // mean magnitude below which there is silence
)
