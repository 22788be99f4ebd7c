package random

import (
	_ "crypto/rand" // want `random: import of crypto/rand`
	"math/rand"
	randv2 "math/rand/v2"
)

func draw() int {
	_ = rand.New(rand.NewSource(1)).Int()
	_ = randv2.New(randv2.NewPCG(1, 2)).IntN(3)
	return rand.Intn(3) + randv2.IntN(3) // want `random: math/rand.Intn` `random: math/rand/v2.IntN`
}
