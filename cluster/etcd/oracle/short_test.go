//go:build !long

package oracle

// sequences is how many sequences of operations are tried.
const sequences = 100
