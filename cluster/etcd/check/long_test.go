//go:build long

package check

func init() { histories = 10_000 }
