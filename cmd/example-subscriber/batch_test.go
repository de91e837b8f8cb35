package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A batch of the largest events has to be less than what NATS keeps for a connection that does not read.
func TestABatchFitsWhatNATSKeepsForAConnection(t *testing.T) {
	const largestEvent, maxPending = 200_000, 16 << 20
	for file, pull := range map[string]string{
		"main.go":       `consumer\.Fetch\((\d+),`,
		"subscriber.py": `"batch": (\d+),`,
		"subscriber.ts": `max_messages: (\d+),`,
	} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		match := regexp.MustCompile(pull).FindSubmatch(source)
		require.NotNil(t, match, file)
		batch, err := strconv.Atoi(string(match[1]))
		require.NoError(t, err, file)
		require.Less(t, batch*largestEvent, maxPending, file)
	}
}

func TestAnExampleIsShort(t *testing.T) {
	for _, file := range []string{"main.go", "subscriber.py", "subscriber.ts"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		require.LessOrEqual(t, bytes.Count(source, []byte("\n")), 150, file)
	}
}
