// Package reports holds the one value that a run results in, Report, and its renderings: JSON, the terminal, JUnit
// and Markdown.
//
// A Report is versioned. Two runs of one binary, scenario and seed give byte-equal JSON but for the key `host`, which
// holds what was measured on the machine that ran the simulation. Everything else is simulated: latencies in virtual
// time, CPU from the cost model.
package reports
