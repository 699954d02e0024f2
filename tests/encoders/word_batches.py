"""Texts in words as what an encoder of words reads."""

import torch


def batch_of(tokenizer, *texts, **options):
    encoded = tokenizer(
        [list(text) for text in texts], is_split_into_words=True, padding=True,
        return_tensors="pt", **options,
    )  # fmt: skip
    return dict(encoded)


def assert_read_alone(module, tokenizer, texts, together):
    """Each text has the states that it has by itself, however it is padded, and none on padding."""
    for number, text in enumerate(texts):
        batch = batch_of(tokenizer, text)
        alone = module(batch)
        wide = module(batch_of(tokenizer, text, pad_to_multiple_of=32))
        length = batch["input_ids"].shape[1]
        for other, row in ((together, number), (wide, 0)):
            torch.testing.assert_close(other.tokens[row, :length], alone.tokens[0])
            torch.testing.assert_close(other.summary[row], alone.summary[0])
            assert not other.tokens[row, length:].any()
