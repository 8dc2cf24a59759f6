"""Search in the running service: indexed in the background, asked over HTTP, saved as a feed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.e2e.service import configure, eventually, running
from tests.world import article

GRID = "　　近海风电首次承担全省晚高峰三成负荷，储能电站同步放电，省电网公司说频率偏差没有超过零点零四赫兹，当晚没有启动备用机组。"


def test_what_comes_in_is_found_and_is_in_the_feed_of_its_saved_search(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.md").write_text(article("三成负荷来自海上", f"<p>{GRID}</p>"), encoding="utf-8")
    configure(
        tmp_path,
        [{"name": "文章", "path": "articles", "interval": "1s"}],
        categories=[{"path": "储能观察", "query": "储能"}],
    )
    with running(tmp_path) as service:
        page = eventually(lambda: _with("<mark>储能</mark>", service.get(f"search?q={quote('储能')}")[2]))
        assert "三成负荷来自海上" in page
        status, headers, body = service.get(f"search.atom?q={quote('儲能')}")
        assert (status, headers["content-type"]) == (200, "application/atom+xml; charset=utf-8")
        assert "三成负荷来自海上" in body.decode()
        assert eventually(lambda: _with("三成负荷来自海上", service.get(f"q/{quote('储能观察')}.atom")[2]))
        assert service.get(f"search?q={quote(chr(34) + ' OR NOT (')}")[0] == 200
        assert service.stop() == 0


def _with(words: str, body: bytes) -> str:
    text = body.decode()
    return text if words in text else ""
