// Package generators makes up work: when things arrive, how large they are and how long they stay.
//
//	Process       when: Poisson, Bursty (a Poisson process that switches between two rates), Diurnal (one whose rate
//	              follows the time of day), Renewal (gaps of any distribution), and Regular
//	Distribution  how much: log-normal, Pareto, Weibull, gamma, normal, exponential, uniform, of given values or
//	              quantiles, and mixtures of these; whole numbers in a unit that the caller chooses
//
// # Draws
//
// All draws come from one sim.Stream per generator, named after it: a draw is a hash of the stream's name, the purpose,
// the time and the ordinal at that time. Adding or removing a generator, or drawing one more size, moves no draw of any
// other, and arrivals do not depend on what the cluster does with them.
//
// # The same on every processor
//
// What is drawn becomes simulated time, so it must not depend on the processor. A Distribution is a table of quantiles,
// made once with the functions of sim/exact, and interpolated in whole numbers; draws need no floating point at all. The
// one exception is Gamma, whose quantile function is gonum's: its table is cut to 24 significant bits, which hides
// differences in last digits but for one table in thirty thousand or so, in which one of two thousand entries may differ
// by a sixteen-millionth. gonum's distributions (stat/distuv) are what the tests hold all the others against.
package generators
