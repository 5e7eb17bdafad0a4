"""What ``demo`` prints once it is up: addresses, accounts, and a path through the story."""

from __future__ import annotations

from exam_service.certificate import lan_address
from exam_service.demo import story
from exam_service.demo.people import PASSWORD, identity_number
from exam_service.demo.seed import EXEMPTED, PROVINCES
from exam_service.settings import Settings


def addresses(settings: Settings) -> list[str]:
    """Where a browser finds the service."""
    scheme = "https" if settings.tls_cert else "http"
    if settings.host not in {"0.0.0.0", "::"}:  # noqa: S104
        return [f"{scheme}://{settings.host}:{settings.port}/"]
    found = [f"{scheme}://localhost:{settings.port}/"]
    if address := lan_address():
        found.append(f"{scheme}://{address}:{settings.port}/")
    return found


def walkthrough(settings: Settings) -> str:
    """The text for the console."""
    lines = ["", "医师定期考核 · 演示已就绪 (the demonstration is up)", ""]
    lines += [f"  地址 address     {address}" for address in addresses(settings)]
    lines += [
        f"  密码 password    {PASSWORD}   （所有演示账号 every account here）",
        "",
        "  医师 physicians（登录页 /login，先选省份）",
        f"    {'省份':<8}{'一般程序 general':<26}{'简易程序 simple'}",
    ]
    for province_id, name, _ in PROVINCES:
        general, simple = identity_number(province_id, 1), identity_number(province_id, 2)
        lines.append(f"    {name:<8}{general:<28}{simple}")
    lines += [
        f"    业务水平免考 exempted: {identity_number(PROVINCES[0][0], EXEMPTED)}（{PROVINCES[0][1]}）",
        "  工作人员 staff（登录页 /staff/login）",
        "    hunan-body、hunan-body2 考核机构（终止试卷须两人）· hunan-institution 医疗机构",
        "    hunan-clinic 诊所 · hunan-authority 卫生行政部门 · hunan-operator 运维",
        "    其他省份把 hunan 换成 henan、shanxi、hainan、dingkaotong",
        "",
        "  报名的医师 physicians on their way through registration（湖南省）",
        *(
            f"    {words:<26}{identity_number(PROVINCES[0][0], index)}"
            for index, words in (
                (story.INACTIVE, "账号未激活 not activated"),
                (story.WAITING, "未开通报名 not admitted"),
                (story.ADMITTED, "已开通报名 admitted"),
                (story.DRAFT, "填报中 draft"),
                (story.SUBMITTED, "待机构审核 submitted"),
                (story.RETURNED, "已驳回 returned"),
                (story.REVIEWED, "待考核机构复核 before the body"),
            )
        ),
        f"    报名完成，可申请修改 registered: {identity_number('shanxi', story.REGISTERED)}（山西省）",
        "",
        "  报名 registration",
        "    1 hunan-authority 登录 → 考核周期：考核安排 → 考核机构、医疗卫生机构 → 开设账号、分配",
        "    2 hunan-institution 登录 → 医师名册 → 允许报名",
        "    3 已开通报名的医师登录 → 我要报名 → 逐步填写 → 提交信息，等待机构审核",
        "    4 hunan-institution → 待审核 → 通过或驳回；hunan-body → 待复核 → 通过，医师“报名完成”",
        "    5 未激活的医师：登录页 → 激活账号，验证码在 /outbox 查看",
        "",
        "  走一遍测评 a walk through the papers",
        "    1 湖南省医师登录 → 参加测评 → 阅读须知 → 同意人脸采集 → 摄像头前核验",
        "      → 答题 → 中途关掉浏览器再回来 → 交卷",
        "    2 一般程序医师再参加业务水平测评，交卷后显示“待评定”",
        "    3 hunan-body 登录 → 待评定 → 查看抓拍 → 评定合格 → 医师再看为“合格”",
        "",
        '  手机试用 on a phone: make demo ARGS="--self-signed --host 0.0.0.0"',
        "    （浏览器只对安全页面开放摄像头 browsers give the camera only to secure pages）",
        "  负载 load: exam-service simulate --url "
        + addresses(settings)[0].rstrip("/")
        + " --physicians 50 --minutes 2 --json"
        + (" --insecure" if settings.tls_cert else ""),
        "  Ctrl-C 停止 stops it; the data stays in " + str(settings.data_dir),
        "",
    ]
    return "\n".join(lines)
