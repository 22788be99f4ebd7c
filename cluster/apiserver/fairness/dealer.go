package fairness

// maxHandSize is the largest hand that 60 bits of hash can deal (upstream's shufflesharding).
const maxHandSize = 15

// deal picks handSize different cards of a deck of deckSize by the hash: the hash is written in the mixed radix
// deckSize, deckSize-1, ..., and each digit names a card among those that are left.
func deal(hash uint64, deckSize, handSize int, hand *[maxHandSize]int) []int {
	var digits [maxHandSize]int
	for i := range handSize {
		left := uint64(deckSize - i)
		digits[i] = int(hash % left)
		hash /= left
	}
	for i := range handSize {
		card := digits[i]
		for j := i; j > 0; j-- {
			if card >= digits[j-1] {
				card++
			}
		}
		hand[i] = card
	}
	return hand[:handSize]
}
