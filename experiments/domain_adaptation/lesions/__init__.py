"""Open MS: lesions painted on the tissue of the very patient who is tested on, without labels of that patient."""
