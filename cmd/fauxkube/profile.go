package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/spf13/pflag"
)

// profiles are the hidden flags for finding out where host time and memory go.
type profiles struct {
	cpu, memory string
	cpuFile     *os.File
}

func (p *profiles) addFlags(f *pflag.FlagSet) {
	f.StringVar(&p.cpu, "cpuprofile", "", "write a CPU profile of this process to `FILE`")
	f.StringVar(&p.memory, "memprofile", "", "write a heap profile of this process to `FILE` at the end")
	for _, name := range []string{"cpuprofile", "memprofile"} {
		if err := f.MarkHidden(name); err != nil {
			panic(err)
		}
	}
}

func (p *profiles) start() error {
	if p.cpu == "" {
		return nil
	}
	file, err := os.Create(p.cpu)
	if err != nil {
		return fmt.Errorf("--cpuprofile: %w", err)
	}
	p.cpuFile = file
	return pprof.StartCPUProfile(file)
}

// stop writes what was asked for.
func (p *profiles) stop() error {
	var err error
	if p.cpuFile != nil {
		pprof.StopCPUProfile()
		err = p.cpuFile.Close()
	}
	if p.memory == "" {
		return err
	}
	file, created := os.Create(p.memory)
	if created != nil {
		return errors.Join(err, fmt.Errorf("--memprofile: %w", created))
	}
	runtime.GC() // So that the profile shows what is in use, not what waits for collection.
	return errors.Join(err, pprof.WriteHeapProfile(file), file.Close())
}
