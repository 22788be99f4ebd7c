// Package synthetic makes traces that are like openb's without being it: a cluster of the same sorts of machines in the
// same proportions, pods that ask for the same things as often, that come by the hours of the day and stay as long. It
// holds some hundred numbers (tables.go), so that schedulers can be compared where the trace is not at hand.
//
// What is kept: the sorts of nodes, what pods ask for, how long those without, with a part of, with one and with several
// GPUs stay, and how arrivals follow the hours of the day. What is lost: names, order, that some pods come in bursts, and
// everything that depends on two of these together. The tests hold its statistics against the trace's.
package synthetic
