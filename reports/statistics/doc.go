// Package statistics compares samples of few, noiseless, paired measurements: one value per seed.
//
//	Median, Mean, Deviation   of a sample
//	Interval                  where the median of other seeds would lie: a bootstrap
//	SignedRank                whether paired differences have a direction: Wilcoxon's test, exact for up to 100 pairs
//	Holm                      what p-values are worth when several questions were asked
//
// Nothing here draws from global randomness or depends on the order of the sample: equal samples, equal answers.
package statistics
