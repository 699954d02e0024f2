"""Texts in words as what an encoder of words reads."""


def batch_of(tokenizer, *texts, **options):
    encoded = tokenizer(
        [list(text) for text in texts], is_split_into_words=True, padding=True,
        return_tensors="pt", **options,
    )  # fmt: skip
    return dict(encoded)
