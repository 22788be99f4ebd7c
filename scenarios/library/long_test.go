//go:build long

package library_test

func init() { storeSeeds = 500 }
