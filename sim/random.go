package sim

import (
	"math/bits"
	"time"
)

// Purpose separates the draws of one stream, so that drawing for one never moves another. Packages number theirs
// from 0.
type Purpose uint8

const maxPurposes = 16

// Purposes of the kernel's own stream.
const (
	purposeOrder Purpose = iota
	purposePick
	purposeWake
)

// Stream is a source of draws that keeps no state which a run could disturb: a draw is a hash of the epoch, the
// stream's name, the purpose, the virtual time, and how many draws of that purpose came before it at this instant.
// Removing one stream, or one draw at another instant, changes no other.
type Stream struct {
	simulation *Simulation
	id         uint64
	at         Time
	ordinals   [maxPurposes]uint32
}

// Stream returns the stream with a stable name. Two handles of one name count their ordinals apart and so repeat
// each other: let one owner hold it.
func (s *Simulation) Stream(name string) *Stream {
	return &Stream{simulation: s, id: HashString(name), at: -1}
}

// Uint64 draws 64 uniform bits.
func (r *Stream) Uint64(p Purpose) uint64 {
	s := r.simulation
	if r.at != s.now {
		r.at = s.now
		r.ordinals = [maxPurposes]uint32{}
	}
	ordinal := r.ordinals[p]
	r.ordinals[p]++
	return mix(mix(s.epoch^r.id, uint64(s.now)), uint64(p)<<32|uint64(ordinal))
}

// Int63n draws from 0 to n-1; it panics where n is not positive.
func (r *Stream) Int63n(p Purpose, n int64) int64 {
	if n <= 0 {
		panic("sim: Int63n of a number that is not positive")
	}
	high, _ := bits.Mul64(r.Uint64(p), uint64(n))
	return int64(high)
}

// Float64 draws from [0, 1).
func (r *Stream) Float64(p Purpose) float64 { return float64(r.Uint64(p)>>11) / (1 << 53) }

// Chance is true in partsPerMillion of a million cases.
func (r *Stream) Chance(p Purpose, partsPerMillion uint32) bool {
	return uint64(r.Int63n(p, million)) < uint64(partsPerMillion)
}

// Duration draws from a distribution.
func (r *Stream) Duration(p Purpose, d Distribution) time.Duration { return d.Sample(r.Uint64(p)) }

// Permutation draws an order of n things.
func (r *Stream) Permutation(p Purpose, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := int(r.Int63n(p, int64(i)+1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

const seedSalt = 0x9e3779b97f4a7c15

// mix hashes two words into one: multiply to 128 bits and fold, as wyhash does.
func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	high, low = bits.Mul64(high^low^0x8ebc6af09c88c6e3, (a^bits.RotateLeft64(b, 29))|1)
	x := high ^ low
	return x ^ x>>32
}

// Mix hashes two words into one; the same on every machine and in every release.
func Mix(a, b uint64) uint64 { return mix(a, b) }

// HashString hashes a name: FNV-1a with a final mix, the same on every machine and in every release.
func HashString(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return mix(h, uint64(len(name)))
}

// wakeDelay is 0 in Benchmark mode. In Hunt mode one wake-up in eight comes late, by a heavy tail up to 100 ms, since
// ties alone explore little.
func (s *Simulation) wakeDelay() time.Duration {
	if s.config.Mode != Hunt {
		return 0
	}
	u := s.hunt.Uint64(purposeWake)
	if u&7 != 0 {
		return 0
	}
	return HeavyTail(10*time.Microsecond, 100*time.Millisecond).Sample(u >> 3 << 3)
}
