"""The word `bench` of the command line."""

from internvideo_pl import __main__


def test_mistakes_are_one_sentence(capsys):
    assert __main__.main(["bench", "modles"]) == 2
    assert "There is no bench 'modles'. Did you mean 'models'?" in capsys.readouterr().err
    assert __main__.main(["bench", "models", "--rounds", "0"]) == 2
    assert "--rounds 0 measures nothing" in capsys.readouterr().err


def test_names_may_be_joined_by_commas(monkeypatch):
    from internvideo_pl.bench import report

    found = []
    monkeypatch.setattr(
        report, "run_benches", lambda names, options, markdown: found.append((names, options, markdown))
    )
    assert __main__.main(["bench", "models,decoding", "retrieval", "--rounds", "3", "--all", "--markdown"]) == 0
    (names, options, markdown) = found[0]
    assert names == ["models", "decoding", "retrieval"]
    assert (options.rounds, options.everything, markdown) == (3, True, True)
