package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// WriteWAV writes samples as a WAV file of 16-bit PCM at once, readable by its
// owner alone. The rate is 8000 or 16000 Hz. It blocks until all is written;
// a call in progress is recorded with CreateWAV instead.
func WriteWAV(path string, rate int, samples []int16) error {
	if rate != Narrowband && rate != Wideband {
		return fmt.Errorf("cannot write %s at %d Hz; 8000 or 16000 Hz can be had", path, rate)
	}
	size := int64(2 * len(samples))
	if size > maxRecording {
		return fmt.Errorf("cannot write %s: a WAV file holds at most 4 GiB of sound", path)
	}
	data := append(make([]byte, 0, headerSize+size), header(rate, 1, size)...)
	for _, s := range samples {
		data = binary.LittleEndian.AppendUint16(data, uint16(s))
	}
	file, err := create(path)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
