// Package comparison holds what paired runs of several schedulers lead to, and its renderings.
//
// A Run is one scheduler on one scenario with one seed: a list of measures. A Document is all runs of a comparison with
// what follows from them:
//
//	rows       {scheduler, scenario, seed, metric, at, value}, the raw material, for other tools
//	summaries  each scheduler's median with its interval, mean and deviation over the seeds
//	verdicts   for each pair of schedulers and each metric that has a better direction: the differences on equal seeds,
//	           how sure they are, and one sentence that says which is better, by how much, or that the data can't tell
//
// Everything below the rows follows from them alone, in an order that does not depend on that of the runs: a comparison
// that was stopped and resumed, or split over machines and merged, gives the same document to the byte, but for the keys
// `host` and `host_runs`, which hold what was measured on the machines that ran it.
//
// The terminal, Markdown and HTML show the same sections (sections.go); HTML adds charts and needs nothing from
// elsewhere.
//
// # When a scheduler is called better
//
// When both hold: the 95 % bootstrap interval of the median difference does not contain zero, and Wilcoxon's
// signed-rank test has p below .05. Either alone is easily fooled: the interval is narrow when seeds are few, the test
// says nothing of size.
//
// Who compares many schedulers asks about many pairs, and some look different by chance. Tables and rows therefore hold p
// corrected after Holm as well, and the report says so in words where a verdict would not survive it. The correction does
// not decide: of few seeds it leaves nothing to decide, since the least p that n seeds can lead to is 2^(1-n).
package comparison
