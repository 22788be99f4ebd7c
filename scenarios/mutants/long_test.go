//go:build long

package mutants

func init() { all = true }
