// Package compare lays out comparisons of schedulers: which runs there are, which of them a shard does, what a stopped
// comparison already has, and how shards are put together.
//
//	Subject   what schedulers are compared on; Openb is the published protocol on traces of a GPU cluster
//	Cells     the runs of a comparison: seed by seed, all schedulers of one seed together
//	Shard     every n-th of them
//	Journal   the runs that are done, one on a line, so that a comparison resumes where it was stopped
//	Merge     the documents of shards become that of the whole
//
// Nothing here runs anything side by side: a cell depends on nothing but itself, and whoever calls may run as many at
// once as there are cores. What the runs mean is package reports/comparison's business.
package compare
